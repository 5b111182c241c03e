"""The benchmark of one pair: build every variant, judge it, and time those that are equal. Returns data."""

from dataclasses import dataclass, replace

import numpy as np

from compare.arrays.arrays import Arrays
from compare.errors import UsageError, swallowed
from compare.frameworks.devices import Device
from compare.measure.bench.threads import verify_threads
from compare.measure.bench.timing import Ratio, break_even, first_call, interleaved, noise, ratio
from compare.measure.bench.variants import AGAIN, COMPILED, EAGER, OP_BY_OP, VARIANTS, Build, Runner
from compare.pair.pair import Entering, Pair
from compare.pair.prepare import Prepared, prepare
from compare.sides.progress import Progress, say_nothing
from compare.verdict.precision import FLOAT32, FLOAT64
from compare.verdict.verdict import Verdict, judge, worst

STEPS = 8  # resident batches; lax.scan takes all of them in one call


NOT_TIMED = {
    Verdict.FLOAT32_ONLY: "agrees only to float32 with",
    Verdict.INCOMPLETE: "could not be compared with",
    Verdict.MISMATCH: "another function than",
    Verdict.INVALID: "another function than",
}


@dataclass(frozen=True)
class Row:
    """One variant. Times are seconds for one training step; what was not measured is None.

    Attributes:
        verdict: of its parameters' change over ``STEPS`` steps, held against torch eager as any port is.
        compile: the first call's seconds, less a warm step's.
        against_eager: only where both make one step per call; never for the explanatory row, op by op.
        break_even: steps after which compiling has paid for itself.
    """

    name: str
    verdict: Verdict
    reason: str
    steps_per_call: int = 1
    median: float | None = None
    quartiles: tuple[float, float] | None = None
    compile: float | None = None
    against_eager: Ratio | None = None
    break_even: float | None = None


@dataclass(frozen=True)
class Bench:
    """All rows on one pair. ``noise`` is what the A/A row shows: torch eager against itself."""

    pair: str
    title: str
    device: str
    threads: int
    processors: dict[str, float]
    rounds: int
    noise: float
    rows: tuple[Row, ...]


def bench(
    pair: Pair,
    device: Device,
    threads: int,
    rounds: int,
    seed: int = 0,
    compiled: bool = True,
    progress: Progress = say_nothing,
) -> Bench:
    """Time one training step of ``pair``. Nothing is timed that the judge has not passed.

    Raises:
        UsageError: a side runs on more threads than asked for, or the pair has no optimizers to step with.
    """
    if not pair.optimizers:
        raise UsageError(f"pair {pair.name}: a training step needs optimizers=, one for each side")
    progress("verifying threads")
    processors = verify_threads(threads, device)
    prepared = prepare(pair, seed)
    entering = prepared.enter(seed, STEPS).at(FLOAT32)
    builds = {name: build for name, build in VARIANTS.items() if compiled or name != COMPILED}
    built = {}
    for name, build in builds.items():
        progress(f"building and judging {name}")
        built[name] = _build(build, prepared, entering, device)
    verdicts = {name: _judged(built[EAGER], built_variant) for name, built_variant in built.items()}
    passed = [name for name, verdict in verdicts.items() if verdict is Verdict.MATCH]
    runners = {name: runner for name in passed if (runner := built[name].runner)}
    progress("timing")
    seconds = interleaved(runners, rounds, seed, lambda done: progress(f"timing, round {done} of {rounds}"))
    floor = noise(seconds[EAGER], seconds[AGAIN], seed)
    rows = tuple(_row(name, built[name], verdicts[name], seconds, floor, seed) for name in builds)
    return Bench(pair.name, pair.title, device.name, threads, processors, rounds, floor, rows)


@dataclass(frozen=True)
class _Built:
    """A variant that has made its first ``STEPS`` steps, or the reason why it could not."""

    runner: Runner | None
    first_call: float
    change: Arrays
    change_64: Arrays
    reason: str = ""


def _build(build: Build, prepared: Prepared, entering: Entering, device: Device) -> _Built:
    try:
        runner, change, seconds = _first_steps(build(prepared, entering, FLOAT32, device))
        _, change_64, _ = _first_steps(build(prepared, entering, FLOAT64, device))
    except Exception as error:  # torch.compile without a C++ compiler, say: its row says so, the others are timed
        swallowed(error)
        return _Built(None, 0.0, {}, {}, f"unavailable, {type(error).__name__}: {' '.join(str(error).split())[:120]}")
    return _Built(runner, seconds, change, change_64)


def _first_steps(runner: Runner) -> tuple[Runner, Arrays, float]:
    """How ``STEPS`` steps change the parameters, and what the first call took."""
    before = runner.parameters()
    seconds = first_call(runner)
    runner.call(STEPS // runner.steps_per_call - 1)
    runner.wait()
    after = runner.parameters()
    return runner, {name: after[name] - before[name] for name in after}, seconds


def _judged(eager: _Built, one: _Built) -> Verdict:
    """The variant as a port of torch eager: its worst parameter."""
    if one.runner is None:
        return Verdict.INCOMPLETE
    names = eager.change
    return worst(
        [judge(eager.change[n], one.change[n], eager.change_64[n], one.change_64[n], FLOAT32).verdict for n in names]
    )


def _row(name: str, built: _Built, verdict: Verdict, seconds: dict[str, np.ndarray], floor: float, seed: int) -> Row:
    if built.runner is None or name not in seconds:
        return Row(name, verdict, built.reason or f"not timed: {NOT_TIMED[verdict]} torch eager")
    own, eager = seconds[name], seconds[EAGER]
    median, eager_median = float(np.median(own)), float(np.median(eager))
    steps = built.runner.steps_per_call
    compiling = max(0.0, built.first_call - steps * median)
    comparable = name not in (EAGER, OP_BY_OP) and steps == 1
    lower, upper = (float(value) for value in np.percentile(own, [25, 75]))
    return Row(
        name,
        verdict,
        "explains what jit removes; in no ratio" if name == OP_BY_OP else "",
        steps,
        median,
        (lower, upper),
        compiling,
        _against(name, ratio(eager, own, floor, seed)) if comparable else None,
        break_even(compiling, median, eager_median) if comparable and name != AGAIN else None,
    )


def _against(name: str, made: Ratio) -> Ratio:
    return replace(made, word="") if name == AGAIN else made
