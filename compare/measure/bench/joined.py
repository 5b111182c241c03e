"""What several processes measured of one pair, joined: medians, ratios with their intervals, and what may be said.

Knows neither framework.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from compare.measure.bench.question import Process, Question, RowTimes, Seconds
from compare.measure.bench.ratios import UNPUBLISHED, Ratio, Spread, break_even, noise, ratio, spread, worded
from compare.verdict.verdict import Verdict

EAGER = "torch eager"
AGAIN = "torch eager, again"
PRODUCTS = "products, "


@dataclass(frozen=True)
class BenchRow:
    """One row over all processes. Times are seconds for one training step; what was not measured is None.

    Attributes:
        reason: why it was not timed. stopped: the gates that stopped it, each with its sentence: if it was timed all
            the same, it was forced.
        marks: what must stand beside its figures.
        wall, processor: what the clock showed, and what the processors did.
        compile: the first call's seconds less a warm call's, in the first process, whose caches are empty; ``warm``:
            in those after it, which find what the first compiled.
        against_eager: by wall time, ``by_processor`` by processor time; only where both make one step a call.
        above_floor: processor time over that of the step's own matrix products alone.
        break_even: steps after which compiling has paid for itself.
        gradient_error: of its own gradients against float64, relative.
    """

    name: str
    side: str
    verdict: Verdict
    reason: str
    stopped: Mapping[str, str]
    marks: tuple[str, ...]
    steps_per_call: int
    explains: bool
    calls: int = 0
    wall: Spread | None = None
    processor: Spread | None = None
    compile: float | None = None
    warm: float | None = None
    against_eager: Ratio | None = None
    by_processor: Ratio | None = None
    above_floor: float | None = None
    break_even: float | None = None
    gradient_error: float | None = None
    samples: tuple[tuple[Seconds, Seconds], ...] = ()


@dataclass(frozen=True)
class Bench:
    """All rows on one pair.

    Attributes:
        batches: that lie on the device. processors: how many threads shared a product on each side.
        noise: what torch eager timed twice differs by.
        unpublished: why no ratio is published; empty where they are.
        floor: the library whose products are fastest, and its times. floors: all of them.
        repeated: disturbed rounds that were run again, of all processes.
    """

    pair: str
    title: str
    device: str
    precision: str
    batches: int
    threads: int
    processors: Mapping[str, float]
    processes: int
    rounds: int
    noise: float
    unpublished: str
    repeated: int
    floor: str
    floors: Mapping[str, Spread]
    rows: tuple[BenchRow, ...]
    seed: int = 0
    forced: bool = False
    environment: Mapping[str, object] = field(default_factory=dict)


def joined(processes: Sequence[Process], question: Question) -> Bench:
    """One result of what every process answered to ``question``; the first of them had empty caches and its gates
    looked."""
    first = processes[0]
    timed = {name: [_row(process, name) for process in processes] for name in (row.name for row in first.rows)}
    eager = [row.wall for row in timed[EAGER]]
    own_noise = noise(ratio(_rounds(eager), _rounds([row.wall for row in timed[AGAIN]]), question.seed))
    floors = {name: spread(_rounds([process.floors[name][1] for process in processes])) for name in first.floors}
    products = {name: times for name, times in floors.items() if name.startswith(PRODUCTS)}
    floor = min(products, key=lambda name: products[name].median) if products else ""
    disturbed = [process.disturbed for process in processes if process.disturbed]
    unpublished = disturbed[0] if disturbed else ""
    if not unpublished and own_noise > UNPUBLISHED:
        unpublished = f"torch eager against itself leaves 1 by up to {own_noise:.1%}, more than {UNPUBLISHED:.0%}"
    rows = tuple(
        _joined(rows, timed, products.get(floor), own_noise, unpublished, question.seed) for rows in timed.values()
    )
    return Bench(
        first.pair, first.title, first.device, question.precision, first.batches, question.threads, first.processors,
        len(processes), question.rounds, own_noise, unpublished, sum(process.repeated for process in processes),
        floor, floors, rows, question.seed, question.forced, first.environment,
    )  # fmt: skip


def _joined(
    rows: Sequence[RowTimes],
    timed: Mapping[str, Sequence[RowTimes]],
    floor: Spread | None,
    own_noise: float,
    unpublished: str,
    seed: int,
) -> BenchRow:
    first = rows[0]
    missing = next((row.reason for row in rows if row.reason), "")
    row = BenchRow(
        first.name, first.side, first.verdict, missing, first.stopped, first.marks, first.steps_per_call,
        first.explains, first.calls, gradient_error=first.gradient_error,
    )  # fmt: skip
    if not all(one.wall for one in rows):
        return row
    wall, processor = (_rounds([getattr(one, kind) for one in rows]) for kind in ("wall", "processor"))
    step, eager = spread(wall), spread(_rounds([one.wall for one in timed[EAGER]]))
    compiling = [max(0.0, (one.first_call or 0.0) - one.steps_per_call * step.median) for one in rows]
    comparable = not first.explains and first.steps_per_call == 1 and first.name != EAGER
    published = comparable and not unpublished and not first.stopped
    by_wall = by_processor = None
    if published:
        by_wall = ratio(_rounds([one.wall for one in timed[EAGER]]), wall, seed)
        by_processor = ratio(_rounds([one.processor for one in timed[EAGER]]), processor, seed)
        if first.name != AGAIN:
            by_wall, by_processor = worded(by_wall, own_noise), worded(by_processor, own_noise)
    return BenchRow(
        **(vars(row) | {
            "wall": step, "processor": spread(processor), "compile": compiling[0],
            "warm": float(np.median(compiling[1:])) if len(compiling) > 1 else None,
            "against_eager": by_wall, "by_processor": by_processor,
            "above_floor": spread(processor).median / floor.median if floor else None,
            "break_even": break_even(compiling[0], step.median, eager.median)
            if published and first.name != AGAIN else None,
            "samples": tuple((one.wall, one.processor) for one in rows),
        })
    )  # fmt: skip


def _row(process: Process, name: str) -> RowTimes:
    return next(row for row in process.rows if row.name == name)


def _rounds(seconds: Sequence[Seconds]) -> list[np.ndarray]:
    return [np.array(one) for one in seconds]
