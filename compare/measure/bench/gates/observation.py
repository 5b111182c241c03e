"""What the gates know of a row: gathered once, without a clock; every gate is a function of it alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import jax
import numpy as np

from compare.arrays.arrays import Arrays
from compare.errors import swallowed
from compare.frameworks.steps.closed_over import in_graphs, in_jaxpr
from compare.frameworks.steps.compilations import programs_compiled
from compare.frameworks.steps.global_modes import global_modes
from compare.frameworks.steps.host_calls import (
    host_calls,
    is_done,
    moved_to_device,
    outputs_left,
    python_lines,
    waited_for,
)
from compare.frameworks.steps.jax_step import jax_step
from compare.frameworks.steps.step_operation import Operation
from compare.frameworks.steps.torch_step import torch_step
from compare.measure.bench.runner import Looked, Runner, Side
from compare.pair.pair import Entering
from compare.verdict.precision import Precision

DRAWS = 5  # gradients that are looked at
MANY = 48  # steps after which both are held against each other again
WATCHED = 3  # calls

Rebuild = Callable[[Entering, Precision], Runner]


@dataclass(frozen=True)
class Point:
    """Where a row stood before a call, and after it.

    Attributes:
        steps: that it had made since its start.
        gradients: of the next batch, as the row says itself.
        after: the parameters after one call.
    """

    steps: int
    parameters: Arrays
    gradients: Arrays
    after: Arrays


@dataclass(frozen=True)
class Waiting:
    """Arrays that a call leaves behind, those of them that ``wait()`` waits for, and those not done after it."""

    left: int = 0
    waited: int = 0
    undone: int = 0
    synchronized: bool = True


@dataclass(frozen=True)
class Observed:
    """A row at the working precision, and where many steps take it in float64.

    Attributes:
        entering: what entered the row.
        operations: of one call; None where nothing can be said, as of NumPy by hand.
        called: how many operations a call after ``restart()`` dispatches, where torch dispatches them one by one.
        afresh: the same of a step on batches and weights that it has never seen, of eager rows.
        grown: products in a step with twice the rows in its batch, over those with its own; None where nobody knows.
        constants: arrays that its program holds, and that change with the draw of batches and weights.
        host_calls: in ``WATCHED`` calls.
        lines: of Python that a call runs, of an eager step in torch; None of others.
        moved: why a call copies from the host to the device; empty where none does.
        compiled: programs made in warm calls, and ``warm_calls`` how many these were.
        modes: the process's settings before it was built and after; before its calls and after.
        points: in the order in which it made them.
        start: its parameters.
        change: of its parameters after ``steps`` steps, and ``change_64`` of the same row in float64.
        first: the change of its first call; ``again``: that of the first call after ``restart()``, less ``first``.
        graphs, breaks: what torch's compiler took the step apart into, and why.
        masked: of a pair with dropout, judged with the masks that both sides are given.
    """

    name: str
    side: Side
    entering: Entering
    steps_per_call: int = 1
    operations: tuple[Operation, ...] | None = None
    called: int | None = None
    afresh: int | None = None
    grown: float | None = None
    constants: tuple[tuple[int, ...], ...] = ()
    host_calls: Mapping[str, int] = field(default_factory=dict)
    lines: int | None = None
    moved: str = ""
    compiled: int = 0
    warm_calls: int = 0
    modes: tuple[Mapping[str, str], ...] = ()
    waiting: Waiting = field(default_factory=Waiting)
    points: tuple[Point, ...] = ()
    start: Arrays = field(default_factory=dict)
    steps: int = 0
    change: Arrays = field(default_factory=dict)
    change_64: Arrays = field(default_factory=dict)
    again: Arrays = field(default_factory=dict)
    first: Arrays = field(default_factory=dict)
    graphs: int = 0
    breaks: tuple[str, ...] = ()
    masked: bool = False
    on_card: bool = False

    @property
    def fresh(self) -> bool:
        """Whether it was looked at from its very first step, where an optimizer's state is empty: what two parameters
        hold together may lie in one of them."""
        weights = self.entering.weights
        moved = [name for name, array in self.start.items() if not np.array_equal(array, weights[name])]
        return len(moved) < len(self.start) / 2


@dataclass(frozen=True)
class Built:
    """A row, built for every question.

    Attributes:
        judged: at the working precision; of a pair with dropout, with the masks that both sides are given.
        exact: the same in float64.
        timed: what is to be timed; ``judged`` itself where nothing drops out. Each of the three is marked at its start.
        elsewhere: builds what is timed on other batches and weights, to see which of its constants they are.
        doubled: builds it on batches of twice as many rows, where each has rows.
        modes: the process's settings before any of them was built; ``modes_built``: after the last one was.
    """

    name: str
    entering: Entering
    judged: Runner
    exact: Runner
    timed: Runner
    elsewhere: Callable[[], Runner] | None = None
    doubled: Callable[[], Runner] | None = None
    modes: Mapping[str, str] = field(default_factory=dict)
    masked: bool = False
    on_card: bool = False
    modes_built: Mapping[str, str] = field(default_factory=dict)


def observe(built: Built, many: int = MANY) -> Observed:
    """Everything that the gates ask of a row. It is left at its start."""
    now = global_modes()
    settings = [built.modes or now, built.modes_built or now, now]
    judged, timed, batches = built.judged, built.timed, len(built.entering.batches)
    size = judged.steps_per_call
    steps = batches * -(-many // batches)  # whole passes, into which the calls of every row divide
    for runner in {id(one): one for one in (judged, built.exact, timed)}.values():
        runner.restart()
    start = judged.parameters()
    points = _points(judged, start, range(0, steps, batches) if built.masked else (), steps)
    judged.call((steps - points[-1].steps) // size - 1)
    judged.wait()
    change = _change(start, judged.parameters())
    compiled, warm_calls = _warm(timed, batches, is_warm=timed is judged)
    start_64 = built.exact.parameters()
    built.exact.call(steps // size)
    built.exact.wait()
    change_64 = _change(start_64, built.exact.parameters())
    judged.restart()
    again = _again(judged, points)
    counts = host_calls(lambda: timed.call(WATCHED))
    timed.wait()
    looked = timed.looked_at()
    eager = looked.side == "torch" and looked.eager is not None and not looked.graphs
    lines = python_lines(lambda: timed.call(1)) if eager else None
    timed.restart()
    waiting = _waiting(timed, looked.side)
    operations = _operations(looked)
    timed.restart()
    called = _called(timed, looked, built)
    timed.restart()
    afresh = _afresh(built) if eager else None
    grown = _grown(built, operations)
    # Last: a call that the guard stops may have given its arguments away.
    moved = moved_to_device(lambda: timed.call(1)) if looked.side == "jax" else ""
    timed.restart()
    judged.restart()
    settings.append(global_modes())
    return Observed(
        name=built.name, side=looked.side, entering=built.entering, steps_per_call=size,
        operations=operations, called=called, afresh=afresh, grown=grown,
        constants=_constants(looked, built), host_calls=counts, lines=lines, moved=moved, compiled=compiled,
        warm_calls=warm_calls,
        modes=tuple(settings), waiting=waiting, points=tuple(points), start=start, steps=steps, change=change,
        change_64=change_64, again=again, first=_change(start, points[0].after), graphs=len(looked.graphs),
        breaks=looked.breaks, masked=built.masked, on_card=built.on_card,
    )  # fmt: skip


def _points(runner: Runner, start: Arrays, masked: Sequence[int], steps: int) -> list[Point]:
    """Up to ``DRAWS`` calls in a row. A pair with masks is looked at again each time the first batch, and so the first
    masks, come round, after as many steps as ``masked`` says: only there can eager be put at the same place."""
    points, done, before, size = list[Point](), 0, start, runner.steps_per_call
    wanted = {*range(0, min(DRAWS * size, steps), size), *masked[:DRAWS]}
    while done <= max(wanted):
        gradients = runner.gradients() if done in wanted else {}
        runner.call(1)
        runner.wait()
        after = runner.parameters()
        points.append(Point(done, before, gradients, after))
        before, done = after, done + size
    return points


def _again(runner: Runner, points: list[Point]) -> Arrays:
    """What the first call changes after a restart, less what it changed at first."""
    runner.call(1)
    runner.wait()
    return _change(points[0].after, runner.parameters())


def _warm(runner: Runner, batches: int, is_warm: bool) -> tuple[int, int]:
    """Programs that are compiled in two passes over the batches after others, and how many calls these are: steps that
    it has not made before, whose number a program may depend on."""
    calls = max(2, 2 * batches // runner.steps_per_call)
    runner.call(0 if is_warm else calls)
    runner.wait()
    before = programs_compiled()
    runner.call(calls)
    runner.wait()
    return programs_compiled() - before, calls


def _waiting(runner: Runner, side: Side) -> Waiting:
    if side != "jax":
        _, synchronized = waited_for(runner.wait)
        return Waiting(synchronized=synchronized)
    left = outputs_left(lambda: runner.call(1))
    waited, _ = waited_for(runner.wait)
    undone = sum(not is_done(array) for array in left)
    jax.block_until_ready(left)
    return Waiting(len(left), sum(id(array) in waited for array in left), undone)


def _called(runner: Runner, looked: Looked, built: Built) -> int | None:
    """Operations that a call dispatches, of steps that the row has made before: it might have kept what they gave."""
    if looked.side != "torch" or looked.graphs or built.on_card:
        return None
    return len(torch_step(lambda: runner.call(1), following=0))


def _afresh(built: Built) -> int | None:
    """Operations of the second step of a runner that has seen nothing yet; the first one makes an optimizer's state."""
    if built.elsewhere is None:
        return None
    try:
        other = built.elsewhere()
        other.call(1)
        step = other.looked_at().eager
    except Exception as error:  # a pair that cannot be drawn again
        swallowed(error)
        return None
    return len(torch_step(step, following=0)) if step is not None else None


def _grown(built: Built, operations: tuple[Operation, ...] | None) -> float | None:
    """By how much the products that run in a step become more with the rows of the batch."""
    if built.doubled is None or not (own := products_run(operations)):
        return None
    try:
        other = built.doubled()
        twice = products_run(_operations(other.looked_at()))
    except Exception as error:  # a model that is written for so many rows
        swallowed(error)
        return None
    return twice / other.steps_per_call / (own / built.timed.steps_per_call)


def products_run(operations: Sequence[Operation] | None) -> int:
    return sum(one.times for one in operations or () if one.is_product)


def _operations(looked: Looked) -> tuple[Operation, ...] | None:
    if looked.jaxpr is not None:
        return jax_step(looked.jaxpr)
    return torch_step(looked.eager) if looked.eager is not None else None


def _constants(looked: Looked, built: Built) -> tuple[tuple[int, ...], ...]:
    """Shapes of what a jaxpr holds and is not the same on another draw; and of batches that torch's graphs hold, beside
    parameters and the optimizer's state, which they write to."""
    fed = [array for batch in built.entering.batches for array in (*batch.inputs.values(), *batch.targets.values())]
    in_torch = [array for array in in_graphs(looked.graphs) if any(_same_values(array, one) for one in fed)]
    own = in_jaxpr(looked.jaxpr) if looked.jaxpr is not None else []
    if own and built.elsewhere is not None:
        try:
            program = built.elsewhere().looked_at().jaxpr
        except Exception as error:  # what cannot be built on another draw has not been cleared
            swallowed(error)
            program = None
        other = in_jaxpr(program) if program is not None else []
        own = [array for array in own if not any(_same_values(array, one) for one in other)]
    return tuple(array.shape for array in (*own, *in_torch))


def _same_values(left: np.ndarray, right: np.ndarray) -> bool:
    return left.size == right.size and np.array_equal(left.ravel(), right.ravel(), equal_nan=left.dtype.kind == "f")


def _change(before: Arrays, after: Arrays) -> Arrays:
    return {name: after[name] - before[name] for name in before}
