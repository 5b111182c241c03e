"""What may be quoted: which rows stand for each side."""

import pytest

from compare.measure.bench.headlines import headlines
from compare.measure.bench.question import AGAIN, EAGER, JIT, RowTimes
from compare.measure.bench.ratios import Ratio
from compare.verdict.verdict import Verdict


def kind(name, side, **more):
    return RowTimes(name, side, Verdict.MATCH, **more)


KINDS = {
    row.name: row
    for row in (
        kind(EAGER, "torch"),
        kind(AGAIN, "torch"),
        kind("fused", "torch"),
        kind("graph", "torch", captured=True),
        kind("graph, K steps", "torch", captured=True, steps_per_call=8),
        kind("by hand", "torch", derived=True),
        kind("one graph", "torch", compiles=True),
        kind("K steps", "torch", compiles=True, steps_per_call=8),
        kind("op by op", "jax", explains=True),
        kind(JIT, "jax", compiles=True),
        kind("out, in", "jax", compiles=True),
        kind("scan", "jax", compiles=True, steps_per_call=8),
        kind("numpy", "numpy", derived=True),
    )
}
MEDIANS = dict(zip(KINDS, (7.0, 1.0, 6.0, 1.5, 1.2, 3.0, 5.0, 4.0, 0.1, 2.9, 2.5, 2.0, 0.2), strict=True))


def compare(baseline, row, kind):
    """Processor time is told from wall time by a factor of ten."""
    value = MEDIANS[baseline] / MEDIANS[row] * (1 if kind == "wall" else 10)
    return Ratio(value, value, value, "FAST")


def test_the_fastest_row_stands_for_its_side():
    """Both as people write them, then both at their best; one step a call against one, several against several. What
    only explains, what NumPy does and torch eager timed again stand for nobody."""
    found = headlines(MEDIANS, KINDS, compare)
    assert [(one.row, one.baseline) for one in found] == [
        (JIT, EAGER),
        ("out, in", "fused"),
        ("out, in", "one graph"),
        ("out, in", "graph"),
        ("out, in", "by hand"),
        ("scan", "K steps"),
        ("scan", "graph, K steps"),
    ]
    assert (found[1].by_wall.value, found[1].by_processor.value) == (pytest.approx(2.4), pytest.approx(24.0))


def test_what_was_not_timed_is_not_quoted():
    """No compiler on this machine, no line about it."""
    medians = {name: MEDIANS[name] for name in (EAGER, JIT)}
    assert [(one.against, one.baseline) for one in headlines(medians, KINDS, compare)] == [
        ("PyTorch as people write it", EAGER),
        ("eager PyTorch at its best", EAGER),
    ]


def test_without_the_port_there_is_nothing_to_quote():
    """PyTorch against itself is no headline."""
    assert headlines({EAGER: 1.0, "one graph": 0.5}, KINDS, compare) == ()
