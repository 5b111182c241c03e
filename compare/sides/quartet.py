"""Every quantity four times from the same values: each side at the working precision, each side in float64."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from compare.arrays.arrays import Arrays
from compare.errors import UsageError
from compare.frameworks.blame import told
from compare.frameworks.devices import Device
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.pair.prepare import Prepared
from compare.sides.shelf import put_aside
from compare.sides.variance import ACCEPT, corrected
from compare.verdict.precision import FLOAT64, Precision
from compare.verdict.verdict import Judgement, Verdict, judge

Run = Mapping[str, np.ndarray]
STEPS = "steps"
STATE = "after/optimizer/"  # before the name of a slot and its parameter
WORKING, ORACLE, PROMOTED = "working", "oracle", "promoted"  # what a side is run as
What = bool | str | None  # a mode, or STEPS


class SideError(Exception):
    """One side's model raised; ``side`` says whose, the message is its own, on one line."""

    def __init__(self, side: str, error: Exception, oracle: bool = False) -> None:
        super().__init__(f"the {side} raised {told(error)}")
        self.side, self.oracle = side, oracle


class Quartet:
    """Both sides of one pair, each at ``precision`` on ``device`` and in float64 on ``oracle``.

    What a side runs is one mode's outputs and gradients, or ``STEPS``, the training steps.

    Attributes:
        promoted: whether the oracles are the promoted ones, in which everything that the models' own code lowers to
            float32 is raised to float64.
        no_oracle: why one of the models cannot run in float64, if so.
        unpaired_slots: what torch's optimizer keeps and the port's does not, by torch's name.
        witness: the constant held in float32 that explains a gap of float32's size, in words, once one is found.
        ordinary: the size of each quantity on the pair's own batch, once it has been judged; amplified: how many times
            larger the inputs are now, where a probe is.
    """

    def __init__(
        self,
        prepared: Prepared,
        precision: Precision,
        device: Device,
        oracle: Device,
        reference_side: Callable[[str], Any] | None = None,
    ) -> None:
        """``reference_side`` makes the reference's side for ``WORKING``, ``ORACLE`` or ``PROMOTED``: by default one
        that runs it, otherwise one that has its runs on record."""
        from compare.sides.port import PortSide

        self.prepared, self.pair, self.precision = prepared, prepared.pair, precision
        self.device = device
        self._reference_side, self.on_record = reference_side or self._live, reference_side is not None
        self.reference = self._reference_side(WORKING)
        self.port = PortSide(prepared, precision, device.jax)
        self.promoted = False
        self.place_oracles(oracle)
        self.no_oracle = ""
        self.ordinary: dict[str, float] = {}
        self.amplified = 1.0
        self.witness = ""
        self._slots: frozenset[str] = frozenset()
        self.unpaired_slots: frozenset[str] = frozenset()

    def place_oracles(self, oracle: Device) -> None:
        """Run in float64 on ``oracle`` from now on."""
        from compare.sides.port import PortSide

        self.oracle = oracle
        self.reference_64 = self._reference_side(ORACLE)
        self.port_64 = PortSide(self.prepared, FLOAT64, oracle.jax)
        for name in ("promoted_reference", "promoted_port"):
            self.__dict__.pop(name, None)

    @cached_property
    def promoted_reference(self) -> Any:
        return self._reference_side(PROMOTED)

    def _live(self, which: str) -> Any:
        from compare.sides.reference import ReferenceSide

        if which == WORKING:
            return ReferenceSide(self.prepared, self.precision, self.device.torch)
        return ReferenceSide(self.prepared, FLOAT64, self.oracle.torch, promoted=which == PROMOTED)

    @cached_property
    def promoted_port(self) -> Any:
        from compare.sides.port import PortSide

        return PortSide(self.prepared, FLOAT64, self.oracle.jax, promoted=True)

    def run(self, entering: Entering, what: What = None) -> tuple[Run, Run, Run, Run]:
        """The four runs, in the order the judge takes them."""
        t, t64 = self.run_reference(entering, what)
        j, j64 = self.run_port(entering, what)
        return t, j, t64, j64

    def run_reference(self, entering: Entering, what: What = None) -> tuple[Run, Run]:
        return self.working_reference(entering, what), self.oracle_reference(entering, what)

    def run_port(self, entering: Entering, what: What = None) -> tuple[Run, Run]:
        """The port's runs; after the reference's, whose dropouts it replays."""
        return self.working_port(entering, what), self.oracle_port(entering, what)

    def working_reference(self, entering: Entering, what: What = None) -> Run:
        made = self._of_reference(self.reference, entering, what)
        if what == STEPS:
            self._slots = frozenset(name.split("/")[2] for name in made if name.startswith(STATE))
        return put_aside(made)

    def working_port(self, entering: Entering, what: What = None) -> Run:
        return put_aside(self._of_port(self.port, entering, what))

    def oracle_reference(self, entering: Entering, what: What = None) -> Run:
        side = self.promoted_reference if self.promoted else self.reference_64
        return put_aside(self._of_reference(side, entering, what, oracle=True))

    def oracle_port(self, entering: Entering, what: What = None) -> Run:
        side = self.promoted_port if self.promoted else self.port_64
        return self._of_port(side, entering, what, oracle=True)

    def _of_reference(self, side: Any, entering: Entering, what: What, oracle: bool = False) -> Arrays:
        def run() -> Arrays:
            return steps_named(side.steps(entering)) if what == STEPS else side.run(entering, what)

        return _said("reference", run, oracle)

    def _of_port(self, side: Any, entering: Entering, what: What, oracle: bool = False) -> Arrays:
        def run() -> Arrays:
            if what == STEPS:
                named = steps_named(side.steps(entering, self.dropped(), self._slots))
                self.unpaired_slots = self._slots - {name.split("/")[2] for name in named if name.startswith(STATE)}
                return named
            return side.run(entering, what, self.dropped())

        made = _said("port", run, oracle)
        if ACCEPT in self.pair.accept:
            made |= self.with_unbiased_variance(made, entering, what)
        return made

    def with_unbiased_variance(self, run: Run, entering: Entering, what: What) -> Arrays:
        """Of a run of the port, the running variances as torch would keep them."""
        names = {name: name.removeprefix("after/").removeprefix("state/") for name in run if "state/" in name}
        steps = len(entering.batches) if what == STEPS else 1
        return corrected(run, names, entering.buffers, self.reference.variances, steps)

    def islands_of_port(self, entering: Entering, mode: Any) -> list[str]:
        """Where the port's own code makes something float32 in a float64 run: "file:line"."""
        from compare.frameworks.islands.port import islands_jax

        with self.port_64.x64():
            function, args = self.port_64.program(entering, mode, self.dropped())
            return islands_jax(function, *args)

    def dropped(self) -> tuple[tuple[tuple[int, ...], float], ...]:
        """Shape and rate of every dropout in the reference's last run."""
        return tuple((tuple(one.shape), float(one.rate)) for one in self.reference.dropouts)

    def run_by_hand(self, entering: Entering) -> tuple[Arrays, Arrays]:
        """The same names from the derivation in NumPy, at the working precision and in float64."""
        assert self.pair.by_hand is not None
        weights, batch = entering.weights, entering.batches[0]
        wide = replace(batch, inputs=_widen(batch.inputs), targets=_widen(batch.targets))
        return self.pair.by_hand(weights, batch), self.pair.by_hand(_widen(weights), wide)

    def structures_differ(self, t: Run, entering: Entering, mode: Mode) -> str:
        """Both sides' outputs in words where structure or shapes differ, else nothing. Computes nothing."""

        def shapes() -> dict[str, Any]:
            return self.port.shapes_of_outputs(entering, mode, self.dropped())

        port = {name: tuple(leaf.shape) for name, leaf in _said("port", shapes).items()}
        reference = {name: array.shape for name, array in t.items() if name.split("/")[0] == "output"}
        if port == reference:
            return ""
        return f"the reference returns {_structure(reference)}, the port {_structure(port)}"

    def judge(self, t: Run, j: Run, t64: Run, j64: Run) -> dict[str, Judgement]:
        """The judgement on every quantity that any of the four runs has, in the reference's order."""
        names = [name for name in dict.fromkeys([*t64, *j64]) if not self._is_unpaired(name)]
        return {name: self._judge_one(name, t, j, t64, j64) for name in names}

    def _is_unpaired(self, name: str) -> bool:
        return name.startswith(STATE) and name.split("/")[2] in self.unpaired_slots

    def _judge_one(self, name: str, *runs: Run) -> Judgement:
        if not all(name in run for run in runs):
            owner = "reference" if name in runs[2] else "port"
            return Judgement(Verdict.INVALID, reason=f"only the {owner} has it")
        t, j, t64, j64 = (run[name] for run in runs)
        # A weight's gradient multiplies what rounding leaves of a saturated one by the inputs.
        amplified = self.amplified if name.startswith("grad/") and not name.startswith("grad/input.") else 1.0
        return judge(t, j, t64, j64, self.precision, amplified * self.ordinary.get(name, 0.0))


def steps_named(taken: list[Arrays]) -> Arrays:
    """Step 1 as ``update/<parameter>``, later steps as ``step2/loss`` and ``step2/update/<parameter>``.

    The first step's loss is the loss that the gradient check has judged already. Buffers and optimizer state come
    with the last step and are named ``after/...``.
    """
    named: Arrays = {}
    for number, step in enumerate(taken, start=1):
        for name, array in step.items():
            if name.startswith(("state/", "optimizer/")):
                named[f"after/{name}"] = array
            elif number > 1:
                named[f"step{number}/{name}"] = array
            elif name != "loss":
                named[name] = array
    return named


def _structure(shapes: Mapping[str, tuple[int, ...]]) -> str:
    return "{" + ", ".join(f"{name}: {shape}" for name, shape in shapes.items()) + "}" if shapes else "nothing"


def _widen(arrays: Arrays) -> Arrays:
    """The same values, rounded to the working precision already, held in float64."""
    return {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in arrays.items()}


def _said(side: str, run: Callable[[], Any], oracle: bool = False) -> Any:
    try:
        return run()
    except UsageError:
        raise
    except Exception as error:  # whatever a user's model raises is its own; it is named, not swallowed
        raise SideError(side, error, oracle) from error
