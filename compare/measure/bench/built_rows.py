"""The rows of a benchmark, built for every question that is asked of them: judged, looked into, timed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from compare.arrays.arrays import Arrays
from compare.arrays.batch import Batch
from compare.errors import in_one_line, swallowed
from compare.frameworks.devices import Device
from compare.frameworks.steps.global_modes import global_modes
from compare.measure.bench import clock
from compare.measure.bench.floor import FLOORS, needed_by
from compare.measure.bench.gates.observation import Built
from compare.measure.bench.own_cache import own_cache
from compare.measure.bench.rows import EAGER, JIT, ROWS, Row, Unavailable
from compare.measure.bench.runner import Runner
from compare.measure.bench.runners.dropouts import drops_out
from compare.pair.number_of_rows import joined
from compare.pair.pair import Entering
from compare.pair.prepared import Prepared
from compare.sides.progress import Progress
from compare.verdict.precision import FLOAT64, Precision

BATCHES = 16  # resident on the device, each another draw; a row that makes several steps a call takes them in turn
RESIDENT = 1 << 28  # bytes of them at most, but two batches in any case


@dataclass(frozen=True)
class Refused:
    """A row that could not be built, and why."""

    reason: str


@dataclass(frozen=True)
class BuiltRow:
    """A row that has been built, with what its first pass over the batches showed.

    Attributes:
        first_call: seconds, with what compiles then or did before it; ``stages``: of what did before it, apart.
        change, change_64: of its parameters, under the reference's names, at the working precision and in float64.
    """

    built: Built
    first_call: float
    change: Arrays
    change_64: Arrays
    stages: Mapping[str, float]


BuiltRows = dict[str, BuiltRow | Refused]


@dataclass(frozen=True)
class Setup:
    """One pair on one device at one precision: what every row of it is built from."""

    prepared: Prepared
    entering: Entering
    precision: Precision
    device: Device

    def build(self, row: Row) -> BuiltRow | Refused:
        """A row at its start, after a first pass over the batches that has shown what it does."""
        before = global_modes()
        try:
            with own_cache(row.name):
                timed = self.runner(row, self.precision)
                stages: Mapping[str, float] = getattr(timed, "stages", {})  # where it is compiled before it is called
                seconds = clock.first_call(timed) + sum(stages.values())
            masked = drops_out(self.prepared, self.entering, self.device)
            judged = self.runner(row, self.precision, masked) if masked else timed
            exact = self.runner(row, FLOAT64, masked)
            judged.restart()
            change, change_64 = (_change(runner, len(self.entering.batches)) for runner in (judged, exact))
        except Unavailable as error:
            return Refused(str(error))
        except Exception as error:  # torch.compile without a C++ compiler, say: its row says so, the others are timed
            swallowed(error)
            return Refused(f"unavailable, {in_one_line(error, 120)}")
        for runner in {id(one): one for one in (judged, exact, timed)}.values():
            runner.restart()
        built = Built(
            row.name, self.entering, judged, exact, timed, lambda: self._elsewhere(row),
            (lambda: self._doubled(row)) if row.name in (EAGER, JIT) and self.entering.batches[0].rows else None,
            before, masked, self.device.name == "gpu", global_modes(),
        )  # fmt: skip
        return BuiltRow(built, seconds, change, change_64, stages)

    def warmed(self, row: BuiltRow) -> Runner:
        """What is timed of a row, from where it is warm: its optimizer has a state, its momenta are no zeros."""
        runner = row.built.timed
        runner.restart()
        runner.call(max(1, len(self.entering.batches) // runner.steps_per_call))
        runner.wait()
        runner.mark()
        return runner

    def runner(self, row: Row, precision: Precision, masked: bool = False) -> Runner:
        return row.built(self.prepared, self.entering, precision, self.device, masked)

    def plain(self, entering: Entering, precision: Precision) -> Runner:
        """The reference's five beats, eager, from what enters: with given masks, where anything is dropped out."""
        masked = drops_out(self.prepared, entering, self.device)
        return ROWS[EAGER].built(self.prepared, entering, precision, self.device, masked)

    def floors(self, jit: BuiltRow | Refused | None, progress: Progress) -> dict[str, Runner]:
        """What is under every row: the step's own products over each library, and a copy of its bytes.

        Args:
            jit: the row whose program says what a step needs.
        """
        if not isinstance(jit, BuiltRow) or (program := jit.built.timed.looked_at().jaxpr) is None:
            return {}
        needed, floors = needed_by(program), dict[str, Runner]()
        for name, build in FLOORS.items():
            progress(f"floor: {name}")
            try:
                floors[name] = build(needed, self.precision, self.device)
            except Unavailable as error:
                swallowed(error)
        return floors

    def _elsewhere(self, row: Row) -> Runner:
        entering = entering_of(self.prepared, self.entering.seed + 1, self.precision)
        return row.built(self.prepared, entering, self.precision, self.device)

    def _doubled(self, row: Row) -> Runner:
        """On two batches of the rows of two each."""
        first, second = self.entering.batches[:2]
        batches = (joined([first, second]), joined([second, first]))
        return row.built(self.prepared, replace(self.entering, batches=batches), self.precision, self.device)


def entering_of(prepared: Prepared, seed: int, precision: Precision) -> Entering:
    """Weights and batches; fewer batches where they are large."""
    one = prepared.enter(seed, 1).batches[0]
    size = sum(array.nbytes for array in (*one.inputs.values(), *one.targets.values()))
    count = BATCHES
    while count > 2 and count * size > RESIDENT:
        count //= 2
    drawn = prepared.enter(seed, count)
    if not callable(prepared.pair.batch):
        drawn = replace(drawn, batches=_of_its_rows(one, seed, count))
    return drawn.at(precision)


def _of_its_rows(batch: Batch, seed: int, count: int) -> tuple[Batch, ...]:
    """Distinct batches of a pair that has one alone: its rows drawn with repetition. Fewer than ``count`` where it has
    two rows, and the same again where it has one."""
    rows, rng = batch.rows, np.random.default_rng(seed)
    if rows < 2:
        return (batch,) * count
    picks: dict[tuple[int, ...], Batch] = {}
    while len(picks) < min(count, rows**rows):
        pick = rng.integers(0, rows, rows)
        picks[tuple(pick.tolist())] = batch.taking(pick)
    return tuple(picks.values())


def _change(runner: Runner, steps: int) -> Arrays:
    """How the parameters change over the batches."""
    before = runner.parameters()
    runner.call(steps // runner.steps_per_call)
    runner.wait()
    after = runner.parameters()
    return {name: after[name] - before[name] for name in after}
