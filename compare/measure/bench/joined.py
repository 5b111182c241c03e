"""What several processes measured of one pair, joined: medians, ratios with their intervals, and what may be said.

Knows neither framework.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from compare.measure.bench.bench_result import Bench, BenchRow
from compare.measure.bench.headlines import headlines
from compare.measure.bench.question import AGAIN, EAGER, Process, Question, RowTimes
from compare.measure.bench.ratios import UNPUBLISHED, Ratio, Rounds, Spread, break_even, noise, ratio, spread, worded
from compare.verdict.verdict import PASSED

PRODUCTS = "products, "


@dataclass(frozen=True)
class _Runs:
    """Every row of every process: its rounds, and two rows' ratio. On a card the processors' time says nothing of the
    work, so that floors are by wall time there."""

    timed: Mapping[str, Sequence[RowTimes]]
    seed: int
    on_card: bool

    def rounds(self, name: str, kind: str) -> list[Rounds]:
        return [np.array(getattr(one, kind)) for one in self.timed[name]]

    def spread(self, name: str, kind: str) -> Spread:
        return spread(self.rounds(name, kind))

    def ratio(self, baseline: str, row: str, kind: str) -> Ratio:
        return ratio(self.rounds(baseline, kind), self.rounds(row, kind), self.seed)

    def noise(self) -> float | None:
        """What torch eager timed twice differs by; None where it was not timed."""
        if not all(one.wall for name in (EAGER, AGAIN) for one in self.timed[name]):
            return None
        return noise(self.ratio(EAGER, AGAIN, "wall"))


def joined(processes: Sequence[Process], question: Question) -> Bench:
    """One result of what every process answered to ``question``; the first of them had empty caches and its gates
    looked."""
    first = processes[0]
    timed = {row.name: _times(processes, row.name) for row in first.rows}
    runs = _Runs(timed, question.seed, first.device == "gpu")
    own_noise = runs.noise()
    unpublished = _unpublished(processes, runs, own_noise)
    floors = {name: _floor(processes, name, runs.on_card) for name in first.floors}
    products = [name for name in floors if name.startswith(PRODUCTS)]
    floor = min(products, key=lambda name: floors[name].median, default="")
    rows = tuple(_joined(runs, name, floors.get(floor), own_noise or 0.0, bool(unpublished)) for name in timed)

    def compare(baseline: str, row: str, kind: str) -> Ratio:
        return worded(runs.ratio(baseline, row, kind), own_noise or 0.0)

    medians = {row.name: row.wall.median for row in rows if row.wall and _is_fair(row) and not unpublished}
    quoted = headlines(medians, {row.name: row for row in first.rows}, compare)
    return Bench(
        first.pair, first.title, first.device, _precision(question), first.batches, first.batch, question.threads,
        first.processors, len(processes), question.rounds, own_noise, unpublished,
        sum(process.repeated for process in processes), floor, floors, rows, quoted, question.seed, question.forced,
        first.environment, sum(process.blocks for process in processes), any(process.blind for process in processes),
    )  # fmt: skip


def _precision(question: Question) -> str:
    """At which everything was computed, in words."""
    return f"{question.precision}, products in TF32" if question.tf32 else question.precision


def _unpublished(processes: Sequence[Process], runs: _Runs, own_noise: float | None) -> str:
    """Why no ratio is published, in words; empty where they are."""
    if own_noise is None:
        both = [one for name in (EAGER, AGAIN) for one in runs.timed[name]]
        why = [text for one in both for text in (*one.stopped.values(), one.reason) if text]
        return f"{EAGER} itself was not timed: {why[0] if why else 'nobody knows why'}"
    for process in processes:
        if process.disturbed:
            return process.disturbed
    if own_noise > UNPUBLISHED:
        return f"torch eager against itself leaves 1 by up to {own_noise:.1%}, more than {UNPUBLISHED:.0%}"
    return ""


def _joined(runs: _Runs, name: str, floor: Spread | None, own_noise: float, withheld: bool) -> BenchRow:
    """One row; ``withheld``: no ratio is published. ``floor``: of the step's own products."""
    rows = runs.timed[name]
    first = rows[0]
    missing = next((row.reason for row in rows if row.reason), "")
    row = BenchRow(
        name, first.side, first.verdict, missing, first.stopped, first.marks, first.steps_per_call, first.explains,
        first.calls, gradient_error=first.gradient_error, counts=first.counts, spent=first.spent,
    )  # fmt: skip
    if not all(one.wall for one in rows):
        return row
    step, processor = runs.spread(name, "wall"), runs.spread(name, "processor")
    compiling = [max(0.0, (one.first_call or 0.0) - one.steps_per_call * step.median) for one in rows]
    ratios: dict[str, Ratio | None] = {"wall": None, "processor": None}
    published = first.steps_per_call == 1 and _is_fair(first) and not (first.explains or withheld or name == EAGER)
    if published:
        for kind in ratios:
            one = runs.ratio(EAGER, name, kind)
            ratios[kind] = one if name == AGAIN else worded(one, own_noise)
    pays = published and first.compiles
    return replace(
        row,
        wall=step,
        processor=processor,
        compile=compiling[0] if first.compiles else None,
        stages=first.stages,
        warm=float(np.median(compiling[1:])) if first.compiles and len(compiling) > 1 else None,
        against_eager=ratios["wall"],
        by_processor=ratios["processor"],
        above_floor=(step if runs.on_card else processor).median / floor.median if floor else None,
        break_even=break_even(compiling[0], step.median, runs.spread(EAGER, "wall").median) if pays else None,
        samples=tuple((one.wall, one.processor) for one in rows),
    )


def _is_fair(row: BenchRow | RowTimes) -> bool:
    """Whether it may stand in a ratio: the same function, and no gate stopped it. What is forced is neither."""
    return row.verdict in PASSED and not row.stopped


def _floor(processes: Sequence[Process], name: str, on_card: bool) -> Spread:
    return spread([np.array(process.floors[name][0 if on_card else 1]) for process in processes])


def _times(processes: Sequence[Process], name: str) -> list[RowTimes]:
    """The row in every process that has it: what a gate stopped and what only explains is built in the first alone."""
    return [row for process in processes for row in process.rows if row.name == name]
