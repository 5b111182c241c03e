"""What a side is, and what one of its runs returns: the contract that ``reference``, ``port`` and ``recorded`` keep.

A result is frozen and complete: whoever judges it needs nothing that a side might remember of its last run.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np

from compare.arrays.arrays import Arrays
from compare.frameworks.blame import described
from compare.frameworks.dropout.masks import Dropout
from compare.frameworks.dropout.pairing import Replay
from compare.frameworks.islands.roundings import Book
from compare.frameworks.models.modes import Mode
from compare.pair.fields import FieldError
from compare.pair.pair import Entering

Run = Mapping[str, np.ndarray]  # one run's arrays by quantity
Dropped = tuple[tuple[tuple[int, ...], float], ...]  # shape and rate of every dropout of the reference's run

STEPS: Literal["steps"] = "steps"
OPTIMIZER_STATE = "after/optimizer/"  # before the name of a slot and its parameter
What = Mode | Literal["steps"]  # what a side is run for: one mode's outputs and gradients, or the training steps


class SideError(Exception):
    """One side's model raised; ``side`` says whose, the message is its own, on one line. ``watched``: it raises only
    where something of ours stands around it."""

    def __init__(self, side: str, error: Exception, watched: bool = False) -> None:
        own = isinstance(error, FieldError)  # says itself which of the pair's functions raised
        raised = "runs, and raises where jaxport watches its operations:" if watched else "raised"
        super().__init__(f"the {side}'s {error}" if own else f"the {side} {raised} {described(error)}")
        self.side = side


class RecordedError(SideError):
    """What the reference raised when it was recorded, in the words of then."""

    def __init__(self, message: str) -> None:
        Exception.__init__(self, message)
        self.side = "reference"


@dataclass(frozen=True, eq=False)
class Result(Mapping[str, np.ndarray]):
    """One run of one side: its arrays by quantity, and what else is to be known of it.

    Attributes:
        dropouts: the reference's, in order: shape and rate of each that it drew a mask for.
        not_compared: randomness that no mask replaced, as sentences.
        changed: the reference's constants that the run did not leave as they were.
        left: those constants as the run left them, by name.
        variances: of each running variance of the reference, its momentum and the number of values behind it.
        inside: where the model's own code made something float32, "file:line", of a promoted run of the reference.
        replay: which of the reference's masks a run of the port took; None where nothing was replayed.
    """

    arrays: Run
    dropouts: tuple[Dropout, ...] = ()
    not_compared: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    variances: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    inside: tuple[str, ...] = ()
    replay: Replay | None = None
    left: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    @property
    def dropped(self) -> Dropped:
        """Shape and rate of every dropout, as the port takes them."""
        return tuple((tuple(one.shape), float(one.rate)) for one in self.dropouts)

    @property
    def slots(self) -> frozenset[str]:
        """What the optimizer keeps for every parameter, by torch's name, of a run of training steps."""
        return frozenset(name.split("/")[2] for name in self.arrays if name.startswith(OPTIMIZER_STATE))


@dataclass(frozen=True)
class Deviations:
    """How far a side's re-runs nearby leave its run: what its rounding errors are taken for where a model cannot run in
    float64.

    Attributes:
        largest: of each quantity, the 2-norm of the largest.
        raised: of each re-run in order what the side raised; empty where it stood.
    """

    largest: Mapping[str, float]
    raised: tuple[str, ...]


class Side(Protocol):
    """One side of a pair at one precision on one device; compiled programs may stay in it, and nothing else.

    Either side names its quantities alike, under the reference's names and in its layout.
    """

    def run(self, entering: Entering, mode: Mode = None) -> Result:
        """ "output" (or "output/0", "output/key", ...), "loss", "grad/<parameter>" and "grad/input.<name>" on the first
        batch and, in training, "state/<buffer>" as the run leaves it."""

    def steps(self, entering: Entering) -> Result:
        """One optimizer step on each batch in turn: losses, each parameter's change in float64, and with the last step
        buffers and optimizer state, named as ``step_named`` does."""


class OnRecord(Side, Protocol):
    """A reference's side that is not run, but looked up."""

    def deviations(self, entering: Entering, what: What) -> Deviations:
        """Those of the re-runs nearby, as they were when it was recorded."""

    def book(self, mode: Mode, shared: Mapping[str, str]) -> Book:
        """What it rounds below the working precision, its weights by names that both sides share."""


class Following(Side, Protocol):
    """A side that replays the reference's dropouts and looks for what the reference's optimizer keeps."""

    def run(self, entering: Entering, mode: Mode = None, dropped: Dropped = ()) -> Result: ...

    def steps(self, entering: Entering, dropped: Dropped = (), slots: frozenset[str] = frozenset()) -> Result: ...

    def shapes_of_outputs(self, entering: Entering, mode: Mode, dropped: Dropped) -> Mapping[str, Any]:
        """Shapes and dtypes of the outputs by name; computes nothing."""

    def program(
        self, entering: Entering, mode: Mode = None, dropped: Dropped = ()
    ) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """What ``run`` compiles, as a function of arrays, and the arrays; used inside ``x64``."""

    def forward_program(
        self, entering: Entering, mode: Mode, dropped: Dropped
    ) -> tuple[Any, list[str], list[tuple[str, str]]]:
        """The forward pass and the loss as they are traced; of each array that enters what it is: its path, its name
        among the inputs, or nothing; and what dtypes were asked for, on which lines. Computes nothing."""

    def x64(self) -> AbstractContextManager[None]:
        """JAX as the side's precision wants it."""


def steps_named(taken: Sequence[Run]) -> Arrays:
    """The quantities of all steps, each by ``step_named``."""
    return {
        name: array for number, step in enumerate(taken, start=1) for name, array in step_named(number, step).items()
    }


def step_named(number: int, step: Run) -> Arrays:
    """The quantities of one step, from 1: of the first ``update/<parameter>``, of later ones ``step2/loss`` and
    ``step2/update/<parameter>``.

    The first step's loss is the loss that the gradient check has judged already. Buffers and optimizer state come
    with the last step and are named ``after/...``. What is named so already stays as it is.
    """
    named: Arrays = {}
    for name, array in step.items():
        if name.startswith(("state/", "optimizer/")):
            named[f"after/{name}"] = array
        elif number > 1:
            named[f"step{number}/{name}"] = array
        elif name != "loss":
            named[name] = array
    return named
