"""What one process measures: every row built, judged, let through the gates, and timed. Returns data."""

from collections.abc import Mapping
from dataclasses import dataclass

from compare.arrays.arrays import Arrays
from compare.errors import UsageError, swallowed
from compare.frameworks import devices
from compare.frameworks.devices import Device
from compare.frameworks.environment import fingerprint
from compare.frameworks.steps.global_modes import global_modes
from compare.measure.bench import clock, load
from compare.measure.bench.floor import FLOORS, needed_by
from compare.measure.bench.gates.gate_table import Yardstick, marks, stopped_by
from compare.measure.bench.gates.gradient_error import draws, median_error
from compare.measure.bench.gates.observed import Built, Observed, observe
from compare.measure.bench.question import Process, Question, RowTimes, Seconds
from compare.measure.bench.rows import AGAIN, EAGER, JIT, ROWS, Row, Unavailable, rows_of
from compare.measure.bench.runner import Runner
from compare.measure.bench.runners.dropouts import drops_out
from compare.measure.bench.threads import verify_threads
from compare.pair.pair import Entering, Pair
from compare.pair.prepare import Prepared, prepare
from compare.sides.progress import Progress
from compare.verdict.precision import FLOAT64, PRECISIONS, Precision
from compare.verdict.verdict import Verdict, judge, worst

BATCHES = 16  # resident on the device, each another draw; a row that makes several steps a call takes them in turn
RESIDENT = 1 << 28  # bytes of them at most, but two batches in any case
PATIENCE = 20.0  # seconds that a busy machine is waited for
NOT_TIMED = {
    Verdict.FLOAT32_ONLY: "agrees only to float32 with",
    Verdict.INCOMPLETE: "could not be compared with",
    Verdict.MISMATCH: "another function than",
    Verdict.INVALID: "another function than",
}


def measured(pair: Pair, question: Question, progress: Progress) -> Process:
    """Every row of ``pair``, judged and timed; what a gate stops is not, unless it is forced.

    Raises:
        UsageError: a side runs on more threads than asked for, or the pair has no optimizers to step with.
    """
    if not pair.optimizers:
        raise UsageError(f"pair {pair.name}: a training step needs optimizers=, one for each side")
    device, precision = devices.choose(question.device), PRECISIONS[question.precision]
    progress("verifying threads")
    processors = verify_threads(question.threads, device)
    prepared = prepare(pair, question.seed)
    bench = Bench(prepared, _entering(prepared, question.seed, precision), precision, device)
    rows = _chosen(pair, question)
    built = {name: bench.build(row, _naming(progress, name)) for name, row in rows.items()}
    judged = bench.judged(built, question, progress)
    runners = {name: one.built.timed for name, one in built.items() if isinstance(one, First) and judged[name].timed}
    floors = bench.floors(built, progress)
    crowded = load.quiet(PATIENCE, progress) if device.name == "cpu" else ""
    both = {**runners, **floors}
    calls = {name: question.calls.get(name) or clock.calls_in_a_block(runner) for name, runner in both.items()}
    timed = clock.interleaved(
        both, calls, question.rounds, question.seed, lambda done: progress(f"timing, round {done} of {question.rounds}")
    )
    return Process(
        pair.name, pair.title, device.name, len(bench.entering.batches), processors,
        tuple(_row(rows[name], built[name], judged[name], timed, calls) for name in rows),
        {name: _seconds(timed, name) for name in floors},
        timed.repeated, timed.disturbed or crowded, fingerprint(device),
    )  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """What was said of a row before it was timed."""

    verdict: Verdict
    stopped: dict[str, str]
    marks: tuple[str, ...] = ()
    gradient_error: float | None = None
    forced: bool = False

    @property
    def timed(self) -> bool:
        return self.forced or (self.verdict is Verdict.MATCH and not self.stopped)


@dataclass(frozen=True)
class Refused:
    """A row that could not be built, and why."""

    reason: str


@dataclass(frozen=True)
class First:
    """A row that has been built, with what its first pass over the batches showed."""

    built: Built
    first_call: float
    change: Arrays
    change_64: Arrays


@dataclass(frozen=True)
class Bench:
    """One pair on one device at one precision, whose rows are built and judged."""

    prepared: Prepared
    entering: Entering
    precision: Precision
    device: Device

    def build(self, row: Row, progress: Progress) -> "First | Refused":
        """A row for every question, after its first pass over the batches."""
        before = global_modes()
        progress("building")
        try:
            timed = self._runner(row, self.precision)
            seconds = clock.first_call(timed)
            masked = drops_out(self.prepared, self.entering, self.device)
            judged = self._runner(row, self.precision, masked) if masked else timed
            exact = self._runner(row, FLOAT64, masked)
            judged.restart()
            changes = [_change(runner, len(self.entering.batches)) for runner in (judged, exact)]
            if masked:
                timed.call(max(1, len(self.entering.batches) // timed.steps_per_call) - 1)
                timed.wait()
        except Unavailable as error:
            return Refused(str(error))
        except Exception as error:  # torch.compile without a C++ compiler, say: its row says so, the others are timed
            swallowed(error)
            return Refused(f"unavailable, {type(error).__name__}: {' '.join(str(error).split())[:120]}")
        for runner in {id(one): one for one in (judged, exact, timed)}.values():
            runner.mark()
        built = Built(
            row.name, self.entering, judged, exact, timed, lambda: self._elsewhere(row), before, masked,
            self.device.name == "gpu",
        )  # fmt: skip
        return First(built, seconds, *changes)

    def judged(
        self, rows: Mapping[str, "First | Refused"], question: Question, progress: Progress
    ) -> dict[str, Judged]:
        """The judge's word on each row, and that of the gates where they look."""
        eager = rows[EAGER]
        if isinstance(eager, Refused):
            raise UsageError(f"{EAGER}: {eager.reason}")
        verdicts = {name: self._verdict(eager, row) for name, row in rows.items()}
        if not question.gated:
            return {name: Judged(verdict, {}, forced=question.forced) for name, verdict in verdicts.items()}
        seen: dict[str, Observed] = {}
        for name, row in rows.items():
            if isinstance(row, First) and (verdicts[name] is Verdict.MATCH or question.forced):
                progress(f"{name}: looking at what a step does")
                seen[name] = observe(row.built)
        yard = Yardstick(self.prepared, seen[EAGER], self._plain, seen.get(JIT), self.precision)
        said = {}
        for name, verdict in verdicts.items():
            if name not in seen:
                said[name] = Judged(verdict, {})
                continue
            progress(f"{name}: gates")
            error = median_error(draws(seen[name], self._plain, self.precision))
            stopped = stopped_by(seen[name], yard)
            said[name] = Judged(verdict, stopped, marks(seen[name]), error, question.forced)
        return said

    def floors(self, rows: Mapping[str, "First | Refused"], progress: Progress) -> dict[str, Runner]:
        """What is under every row: the step's own products over each library, and a copy of its bytes."""
        jit, made = rows.get(JIT), dict[str, Runner]()
        if not isinstance(jit, First) or (program := jit.built.timed.looked_at().jaxpr) is None:
            return {}
        needed = needed_by(program)
        for name, build in FLOORS.items():
            progress(f"floor: {name}")
            try:
                made[name] = build(needed, self.precision, self.device)
            except Unavailable as error:
                swallowed(error)
        return made

    def _verdict(self, eager: First, row: "First | Refused") -> Verdict:
        """A row as a port of torch eager: its worst parameter."""
        if isinstance(row, Refused):
            return Verdict.INCOMPLETE
        changes = (eager.change, row.change, eager.change_64, row.change_64)
        return worst([judge(*(change[name] for change in changes), self.precision).verdict for name in eager.change])

    def _runner(self, row: Row, precision: Precision, masked: bool = False) -> Runner:
        return row.built(self.prepared, self.entering, precision, self.device, masked)

    def _elsewhere(self, row: Row) -> Runner:
        entering = _entering(self.prepared, self.entering.seed + 1, self.precision)
        return row.built(self.prepared, entering, self.precision, self.device)

    def _plain(self, entering: Entering, precision: Precision) -> Runner:
        masked = drops_out(self.prepared, entering, self.device)
        return ROWS[EAGER].built(self.prepared, entering, precision, self.device, masked)


def _entering(prepared: Prepared, seed: int, precision: Precision) -> Entering:
    """Weights and batches; fewer batches where they are large."""
    one = prepared.enter(seed, 1).batches[0]
    size = sum(array.nbytes for array in (*one.inputs.values(), *one.targets.values()))
    count = BATCHES
    while count > 2 and count * size > RESIDENT:
        count //= 2
    return prepared.enter(seed, count).at(precision)


def _chosen(pair: Pair, question: Question) -> dict[str, Row]:
    """The rows that are asked for; torch eager is always among them, and stands first.

    Raises:
        UsageError: there is no row of a name.
    """
    every = rows_of(pair)
    if unknown := [name for name in question.names if name not in every]:
        raise UsageError(f"no row {unknown[0]!r}: expected some of {', '.join(every)}")
    if question.names:
        return {name: row for name, row in every.items() if name in (EAGER, AGAIN, *question.names)}
    return {
        name: row
        for name, row in every.items()
        if (question.compiled or not row.compiles) and (question.sweeps or not row.sweeps)
    }


def _change(runner: Runner, steps: int) -> Arrays:
    """How the parameters change over the batches."""
    before = runner.parameters()
    runner.call(steps // runner.steps_per_call)
    runner.wait()
    after = runner.parameters()
    return {name: after[name] - before[name] for name in after}


def _row(row: Row, built: "First | Refused", judged: Judged, timed: clock.Timed, calls: Mapping[str, int]) -> RowTimes:
    if isinstance(built, Refused):
        return RowTimes(row.name, row.side or "", judged.verdict, built.reason, several=row.several)
    runner = built.built.timed
    reason = "" if judged.timed else f"{NOT_TIMED[judged.verdict]} torch eager" if judged.verdict in NOT_TIMED else ""
    wall, processor = _seconds(timed, row.name) if row.name in timed.blocks else ((), ())
    return RowTimes(
        row.name, runner.looked_at().side, judged.verdict, reason, judged.stopped, judged.marks,
        runner.steps_per_call > 1, row.explains, runner.steps_per_call, calls.get(row.name, 0), built.first_call,
        wall, processor, judged.gradient_error,
    )  # fmt: skip


def _seconds(timed: clock.Timed, name: str) -> tuple[Seconds, Seconds]:
    return tuple(timed.wall(name).tolist()), tuple(timed.processor(name).tolist())


def _naming(progress: Progress, name: str) -> Progress:
    return lambda now: progress(f"{name}: {now}")
