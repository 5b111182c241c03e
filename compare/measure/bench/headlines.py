"""What may be quoted of a run: both as people write them, then JAX's fastest row beside each of PyTorch's answers.

A ratio to eager alone says as much of eager as of XLA.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from compare.measure.bench.question import AGAIN, EAGER, JIT, RowTimes
from compare.measure.bench.ratios import Ratio

AS_WRITTEN, AT_ITS_BEST = "PyTorch as people write it", "eager PyTorch at its best"
COMPILER, BY_HAND, GRAPH = "PyTorch's own compiler", "the same by hand in PyTorch", "PyTorch in a CUDA graph"

Which = Callable[[RowTimes], bool]
Compare = Callable[[str, str, str], Ratio]  # baseline and row by name, and which of their times


@dataclass(frozen=True)
class Headline:
    """One answer to the question how much faster XLA is.

    Attributes:
        against: PyTorch's answer, in words. row, baseline: by name.
        by_wall, by_processor: how many times as fast the row is, with interval and word.
    """

    against: str
    row: str
    baseline: str
    by_wall: Ratio
    by_processor: Ratio


def headlines(medians: Mapping[str, float], kinds: Mapping[str, RowTimes], compare: Compare) -> tuple[Headline, ...]:
    """One for each of PyTorch's answers that was timed; of several rows the fastest stands for it.

    Args:
        medians: seconds for a step, of the rows that may be quoted: equal, fair and timed on a quiet machine.
        kinds: what each row is.
    """

    def fastest(which: Which) -> str:
        return min((name for name in medians if which(kinds[name])), key=lambda name: medians[name], default="")

    found = [(against, fastest(ours), fastest(theirs)) for against, ours, theirs in ANSWERS]
    return tuple(
        Headline(against, row, baseline, compare(baseline, row, "wall"), compare(baseline, row, "processor"))
        for against, row, baseline in found
        if row and baseline
    )


def _of(side: str, several: bool = False) -> Which:
    return lambda row: row.side == side and not row.explains and (row.steps_per_call > 1) is several


def _compiled(several: bool) -> Which:
    return lambda row: _of("torch", several)(row) and row.compiles


def _captured(several: bool) -> Which:
    return lambda row: _of("torch", several)(row) and row.captured


def _eager(row: RowTimes) -> bool:
    plain = not (row.compiles or row.derived or row.captured)
    return _of("torch")(row) and plain and row.name != AGAIN


def _as_written(row: RowTimes) -> bool:
    return row.name == JIT


ANSWERS: tuple[tuple[str, Which, Which], ...] = (
    (AS_WRITTEN, _as_written, lambda row: row.name == EAGER),  # both as people write them, then both at their best
    (AT_ITS_BEST, _of("jax"), _eager),
    (COMPILER, _of("jax"), _compiled(several=False)),
    (GRAPH, _of("jax"), _captured(several=False)),
    (BY_HAND, _of("jax"), lambda row: _of("torch")(row) and row.derived),
    ("PyTorch's compiler, several steps a call", _of("jax", several=True), _compiled(several=True)),
    ("a CUDA graph of several steps", _of("jax", several=True), _captured(several=True)),
)
