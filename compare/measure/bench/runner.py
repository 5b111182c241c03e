"""What a row of the benchmark is, once built: a training step on a device that can be called, waited for, put back to
its start, and looked at."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from compare.arrays.arrays import Arrays

if TYPE_CHECKING:
    import torch.fx
    from jax.extend.core import ClosedJaxpr
    from jax.stages import Compiled

Side = Literal["torch", "jax", "numpy"]


class Unavailable(Exception):  # noqa: N818 (no error: the row says why it cannot be had here, and the others run)
    """This pair, or this machine, has no such row; the message is the reason."""


@dataclass(frozen=True)
class Looked:
    """What the gates ask of a row; nothing in it is timed.

    Attributes:
        side: whose step it is.
        jaxpr: the step that is compiled, on the shapes that it is called with.
        eager: one call of the same step, uncompiled, on the next batch: for a dispatch mode to stand around.
        graphs: what torch's compiler took the step apart into, in order; one graph where nothing breaks it.
        breaks: the reasons of its graph breaks.
        program: makes what XLA compiles of the step, once: its text, its costs, its memory.
        kernels: that torch's compiler made of a call, its calls of a library among them.
        held: bytes that lie on the device between two calls: parameters, optimizer state, what the next one is given.
    """

    side: Side
    jaxpr: "ClosedJaxpr | None" = None
    eager: Callable[[], object] | None = None
    graphs: "tuple[torch.fx.GraphModule, ...]" = ()
    breaks: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    program: "Callable[[], Compiled] | None" = None
    kernels: int | None = None
    held: int | None = None


class Runner(Protocol):
    """A variant, built: its state moves on with every call.

    Attributes:
        steps_per_call: training steps that one call makes.
    """

    steps_per_call: int

    def call(self, count: int) -> None:
        """Make ``count`` calls, each on the next batch, without waiting for the device."""

    def wait(self) -> None:
        """Until everything that was called is done: parameters, optimizer state, other leaves and loss."""

    def mark(self) -> None:
        """The state as it stands is the start: parameters, other leaves, optimizer state, and which batch is next."""

    def restart(self) -> None:
        """Back to the mark. Where a compiled program holds addresses, in place."""

    def parameters(self) -> Arrays:
        """In float64, under the reference's names."""

    def gradients(self) -> Arrays:
        """Of the next batch, in float64, under the reference's names, out of the row's own step; the state stays."""

    def looked_at(self) -> Looked:
        """What the gates ask."""


# (prepared, entering, precision, device), and ``masked=True`` of a pair with dropout that is to be judged: then both
# sides are given the same masks. Without it each side draws with its own generator, as its people write it.
Build = Callable[..., Runner]
