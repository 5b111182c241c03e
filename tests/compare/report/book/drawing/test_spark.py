"""A line in a cell: its ends and heights, and its words for who does not see it."""

import re

import pytest

from compare.report.book.drawing.spark import EDGE, HIGH, WIDE, draw


def _points(svg, kind):
    (told,) = re.findall(rf'<polyline class="{kind}" points="([^"]*)"', svg)
    return [tuple(map(float, one.split(","))) for one in told.split()]


def test_the_line_goes_from_rounding_to_all_of_the_way():
    """What is beyond either stands at the edge; the height of equality is drawn."""
    svg = draw([-20.0, -16.0, -8.0, 0.0, 1.0], -12.0, "▁▁▅██")
    line = _points(svg, "line plain")
    bottom, top = HIGH - EDGE, EDGE
    assert [y for _, y in line] == [bottom, bottom, (bottom + top) / 2, top, top]
    assert (line[0][0], line[-1][0]) == (EDGE, WIDE - EDGE)
    assert _points(svg, "grid")[0][1] == pytest.approx(bottom - (bottom - top) / 4, abs=0.06)
    assert 'aria-label="▁▁▅██ from 1e-16 at step 1 to 1e1 at step 5"' in svg
