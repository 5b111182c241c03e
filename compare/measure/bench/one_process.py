"""What one process measures: every row built, judged, let through the gates, and timed. Returns data."""

from collections.abc import Mapping

from compare.errors import UsageError, did_you_mean, nearest, swallowed
from compare.frameworks import devices
from compare.frameworks.devices import Device
from compare.frameworks.environment import fingerprint
from compare.frameworks.steps.global_modes import global_modes
from compare.measure.bench import clock, load
from compare.measure.bench.built_rows import BuiltRow, Refused, Setup, entering_of
from compare.measure.bench.own_cache import own_cache
from compare.measure.bench.profiling import time_spent
from compare.measure.bench.question import Process, Question, RowTimes, Seconds
from compare.measure.bench.row_insides import StepCounts, TimeSpent
from compare.measure.bench.row_verdicts import RowVerdict, row_verdicts
from compare.measure.bench.rows import AGAIN, EAGER, JIT, Row, rows_of
from compare.measure.bench.runner import Runner
from compare.measure.bench.runners.torch_recording import start_compiler
from compare.measure.bench.step_counts import counted
from compare.measure.bench.threads import verify_threads
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.sides.progress import Progress
from compare.verdict.precision import PRECISIONS
from compare.verdict.verdict import Verdict

Inside = tuple[StepCounts | None, TimeSpent | None]  # what a step is made of, and where its time goes
NOT_TIMED = {
    Verdict.MATCH: "",
    Verdict.FLOAT32_ONLY: "",
    Verdict.INCOMPLETE: "could not be compared with torch eager",
    Verdict.MISMATCH: "another function than torch eager",
    Verdict.INVALID: "another function than torch eager",
}


def measured(pair: Pair, question: Question, progress: Progress) -> Process:
    """Every row of ``pair``, judged and timed; what a gate stops is not, unless it is forced.

    Raises:
        UsageError: a side runs on more threads than asked for, there is no such row, the pair has no optimizers to
            step with, or the device has no TF32.
    """
    if not pair.optimizers:
        raise UsageError(f"pair {pair.name}: a training step needs optimizers=, one for each side")
    chosen, device, precision = _chosen(pair, question), devices.choose(question.device), PRECISIONS[question.precision]
    if question.tf32:
        devices.set_tf32_policy(device)
    prepared = prepare(pair, question.seed)
    setup = Setup(prepared, entering_of(prepared, question.seed, precision), precision, device)
    progress(f"{EAGER}: building")
    rows = {EAGER: setup.build(chosen[EAGER])}
    if isinstance(eager := rows[EAGER], Refused):  # before anything is waited for
        raise UsageError(f"{EAGER}: {eager.reason}")
    progress("verifying threads")
    processors = verify_threads(question.threads, device)
    crowded = load.quiet(question.patience, progress) if device.name == "cpu" else ""  # compiling is timed too
    if any(row.compiles and row.side == "torch" for row in chosen.values()):
        progress("starting torch's compiler")
        start_compiler()
    before = global_modes()
    for name, row in chosen.items():
        if name != EAGER:
            progress(f"{name}: building")
            rows[name] = setup.build(row)
    explaining = {name for name, row in chosen.items() if row.explains}
    verdicts = row_verdicts(setup, rows, question.gated, question.forced, progress, explaining)
    runners = {
        name: setup.warmed(row) for name, row in rows.items() if isinstance(row, BuiltRow) and verdicts[name].timed
    }
    floors = setup.floors(rows.get(JIT), progress)
    if device.name == "cpu":
        crowded = load.quiet(0.0 if crowded else question.patience, progress) or crowded
    changed = _changed(before, global_modes())
    both = {**runners, **floors}
    progress("finding how many calls fill a block")
    calls = {name: question.calls.get(name) or clock.calls_in_a_block(runner) for name, runner in both.items()}
    timed = clock.interleaved(
        both,
        calls,
        question.rounds,
        question.seed,
        lambda done: progress(f"timing, round {done} of {question.rounds}"),
        _told(question.threads, device),
    )
    insides = _insides(setup, runners, verdicts, calls, progress) if question.gated and question.looking else {}
    return Process(
        pair.name, pair.title, device.name, len(setup.entering.batches),
        setup.entering.batches[0].rows or None, processors,
        tuple(_row(chosen[name], rows[name], verdicts[name], timed, calls, insides.get(name)) for name in rows),
        {name: _seconds(timed, name) for name in floors},
        timed.repeated, changed or timed.disturbed or crowded, fingerprint(device),
        device.name == "cpu" and load.blind(),
    )  # fmt: skip


def _told(threads: int, device: Device) -> clock.Told:
    """What of a block's load tells that something else disturbed it."""
    if device.name == "gpu":
        return clock.ON_CARD
    return clock.ALL_PROCESSORS if 1 < threads >= load.cores() else clock.EVERYTHING


def _insides(
    setup: Setup,
    runners: Mapping[str, Runner],
    verdicts: Mapping[str, RowVerdict],
    calls: Mapping[str, int],
    progress: Progress,
) -> dict[str, Inside]:
    """Looked at once everything is timed."""
    found: dict[str, Inside] = {}
    for name, runner in runners.items():
        progress(f"{name}: where its time goes")
        counts = verdicts[name].counts
        with own_cache(name):
            try:
                looked = runner.looked_at()
            except Exception as error:  # a picture and some figures less: the row's time stands
                swallowed(error)
                runner.restart()
                continue
            spent = time_spent(runner, looked, calls[name], setup.device.name == "gpu")
            found[name] = counts and counted(counts, runner, looked, setup.device), spent
    return found


def _chosen(pair: Pair, question: Question) -> dict[str, Row]:
    """The rows that are asked for; torch eager, twice, is always among them, and the port's jitted step.

    Raises:
        UsageError: there is no row of a name.
    """
    every = rows_of(pair)
    if unknown := [name for name in question.names if name not in every]:
        hint = did_you_mean(nearest(unknown[0], list(every)), f"expected one of: {'; '.join(every)}")
        raise UsageError(f"--row {unknown[0]!r}: there is no such row{hint}")
    left = {name: row for name, row in every.items() if name not in question.without}
    if question.names:
        return {name: row for name, row in left.items() if name in (EAGER, AGAIN, JIT, *question.names)}
    return {
        name: row
        for name, row in left.items()
        if (question.compiled or row.side != "torch" or not row.compiles)
        and (question.sweeps or not row.sweeps)
        and (row.swept or row.side is None or not question.swept)
    }


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Which setting of the whole process a row has left changed, in words: all others would be timed with it."""
    for name, value in before.items():
        if now[name] != value:
            return f"a row that was built left {name} at {now[name]} where it was {value}"
    return ""


def _row(
    row: Row,
    built: BuiltRow | Refused,
    verdict: RowVerdict,
    timed: clock.Timed,
    calls: Mapping[str, int],
    inside: Inside | None,
) -> RowTimes:
    if isinstance(built, Refused):
        return RowTimes(row.name, row.side or "", verdict.verdict, built.reason)
    runner = built.built.timed
    wall, processor = _seconds(timed, row.name) if row.name in timed.blocks else ((), ())
    return RowTimes(
        row.name, runner.looked_at().side, verdict.verdict, "" if verdict.timed else NOT_TIMED[verdict.verdict],
        verdict.stopped, verdict.marks, row.explains, row.compiles, row.derived, row.captured, runner.steps_per_call,
        calls.get(row.name, 0), built.first_call, built.stages, wall, processor, verdict.gradient_error,
        *(inside or (verdict.counts, None)),
    )  # fmt: skip


def _seconds(timed: clock.Timed, name: str) -> tuple[Seconds, Seconds]:
    return tuple(timed.wall(name).tolist()), tuple(timed.processor(name).tolist())
