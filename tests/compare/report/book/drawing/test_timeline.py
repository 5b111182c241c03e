"""What happens when."""

import pytest

from compare.report.book.drawing import timeline

from .svg import elements, numbers, texts


def drawn(*spans):
    made = [timeline.Span(begin=begin, end=end, text=text, filled=begin == 0) for begin, end, text in spans]
    tracks = [timeline.Track(name="forward", spans=made[:1]), timeline.Track(name="", spans=made[1:])]
    return timeline.draw(timeline.Timeline(kind="timeline", title="Order", side="jax", tracks=tracks))


def test_spans_are_as_long_as_they_last():
    """One begins where the other ends, on the track below; work is filled."""
    svg = drawn((0.0, 1.0, "1"), (1.0, 3.0, "2"))
    (x, y, width), (later, below, twice) = (numbers(one, "x", "y", "width") for one in elements(svg, "rect", "span"))
    assert later == pytest.approx(x + width + 2, abs=0.2)
    assert twice + 2 == pytest.approx(2 * (width + 2), abs=0.3)
    assert below > y
    assert [one.get("class") for one in elements(svg, "rect")] == ["span jax", "span"]
    assert texts(svg) == ["forward", "1", "2"]


def test_a_span_ends_after_it_begins():
    """Else it is refused."""
    with pytest.raises(ValueError, match="after it begins"):
        drawn((0.0, 1.0, "1"), (2.0, 2.0, "2"))
