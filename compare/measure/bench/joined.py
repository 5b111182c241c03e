"""What several processes measured of one pair, joined: medians, ratios with their intervals, and what may be said.

Knows neither framework.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from compare.measure.bench.bench_result import Bench, BenchRow
from compare.measure.bench.headlines import headlines
from compare.measure.bench.question import AGAIN, EAGER, Process, Question, RowTimes
from compare.measure.bench.ratios import UNPUBLISHED, Ratio, Rounds, Spread, break_even, noise, ratio, spread, worded

PRODUCTS = "products, "
Times = Mapping[str, Sequence[RowTimes]]  # of each row, one a process


def joined(processes: Sequence[Process], question: Question) -> Bench:
    """One result of what every process answered to ``question``; the first of them had empty caches and its gates
    looked."""
    first = processes[0]
    timed = {row.name: [_row(process, row.name) for process in processes] for row in first.rows}
    own_noise = noise(_ratio(timed, EAGER, AGAIN, "wall", question.seed))
    unpublished = _unpublished(processes, own_noise)
    floors = {name: spread([np.array(process.floors[name][1]) for process in processes]) for name in first.floors}
    floor = min(
        (name for name in floors if name.startswith(PRODUCTS)), key=lambda name: floors[name].median, default=""
    )
    rows = tuple(_joined(name, timed, floors.get(floor), own_noise, bool(unpublished), question.seed) for name in timed)

    def compare(baseline: str, row: str, kind: str) -> Ratio:
        return worded(_ratio(timed, baseline, row, kind, question.seed), own_noise)

    medians = {row.name: row.wall.median for row in rows if row.wall and not row.stopped and not unpublished}
    quoted = headlines(medians, {row.name: row for row in first.rows}, compare)
    return Bench(
        first.pair, first.title, first.device, question.precision, first.batches, first.batch, question.threads,
        first.processors, len(processes), question.rounds, own_noise, unpublished,
        sum(process.repeated for process in processes), floor, floors, rows, quoted, question.seed, question.forced,
        first.environment,
    )  # fmt: skip


def _unpublished(processes: Sequence[Process], own_noise: float) -> str:
    """Why no ratio is published, in words; empty where they are."""
    for process in processes:
        if process.disturbed:
            return process.disturbed
    if own_noise > UNPUBLISHED:
        return f"torch eager against itself leaves 1 by up to {own_noise:.1%}, more than {UNPUBLISHED:.0%}"
    return ""


def _joined(name: str, timed: Times, floor: Spread | None, own_noise: float, withheld: bool, seed: int) -> BenchRow:
    """One row; ``withheld``: no ratio is published. ``floor``: of the step's own products."""
    rows = timed[name]
    first = rows[0]
    missing = next((row.reason for row in rows if row.reason), "")
    row = BenchRow(
        name, first.side, first.verdict, missing, first.stopped, first.marks, first.steps_per_call, first.explains,
        first.calls, gradient_error=first.gradient_error,
    )  # fmt: skip
    if not all(one.wall for one in rows):
        return row
    step, processor = spread(_rounds(timed, name, "wall")), spread(_rounds(timed, name, "processor"))
    eager = spread(_rounds(timed, EAGER, "wall"))
    compiling = [max(0.0, (one.first_call or 0.0) - one.steps_per_call * step.median) for one in rows]
    ratios: dict[str, Ratio | None] = {"wall": None, "processor": None}
    published = first.steps_per_call == 1 and not (first.explains or first.stopped or withheld or name == EAGER)
    if published:
        for kind in ratios:
            one = _ratio(timed, EAGER, name, kind, seed)
            ratios[kind] = one if name == AGAIN else worded(one, own_noise)
    return replace(
        row,
        wall=step,
        processor=processor,
        compile=compiling[0] if first.compiles else None,
        stages=first.stages,
        warm=float(np.median(compiling[1:])) if first.compiles and len(compiling) > 1 else None,
        against_eager=ratios["wall"],
        by_processor=ratios["processor"],
        above_floor=processor.median / floor.median if floor else None,
        break_even=break_even(compiling[0], step.median, eager.median) if published and first.compiles else None,
        samples=tuple((one.wall, one.processor) for one in rows),
    )


def _ratio(timed: Times, baseline: str, row: str, kind: str, seed: int) -> Ratio:
    return ratio(_rounds(timed, baseline, kind), _rounds(timed, row, kind), seed)


def _rounds(timed: Times, name: str, kind: str) -> list[Rounds]:
    return [np.array(getattr(one, kind)) for one in timed[name]]


def _row(process: Process, name: str) -> RowTimes:
    return next(row for row in process.rows if row.name == name)
