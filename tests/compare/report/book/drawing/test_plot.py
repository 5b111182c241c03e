"""Lines and points between two axes."""

from itertools import pairwise

import pytest

from compare.report.book.drawing import plot

from .svg import elements, points, texts

SIDES = [
    plot.Series(name="PyTorch", side="torch", points=[(1.0, 0.0), (2.0, 10.0)]),
    plot.Series(name="JAX", side="jax", points=[(1.0, 10.0), (2.0, 5.0)], dashed=True),
]


def lines(series, **more):
    return plot.Lines(kind="lines", title="A loss", side="plain", x="step", y="loss", series=series, **more)


def heights(svg, kind):
    """The heights of the last line of a kind: the first is the key's sample."""
    return [y for _, y in points(elements(svg, "polyline", kind)[-1])]


def test_points_stand_where_their_numbers_say():
    """Zero at the bottom, the highest tick at the top, the half between; the later to the right."""
    svg = plot.draw(lines(SIDES))
    bottom, top = heights(svg, "line torch")
    assert bottom - top == pytest.approx(plot.HEIGHT)
    assert heights(svg, "line jax") == pytest.approx([top, (top + bottom) / 2], abs=0.1)
    ((first, _), (last, _)) = points(elements(svg, "polyline", "line torch")[-1])
    assert plot.LEFT < first < last < plot.WIDTH - plot.RIGHT


def test_sides_are_told_apart_without_colour():
    """By squares and circles, by dashes, and by their names in the key."""
    svg = plot.draw(lines(SIDES))
    assert [one.get("stroke-dasharray") for one in elements(svg, "polyline", "line")] == [None, plot.DASHES] * 2
    assert len(elements(svg, "rect", "dot torch")) == len(elements(svg, "circle", "dot jax")) == 3  # one in the key
    assert {"PyTorch", "JAX", "step", "loss"} <= set(texts(svg))


def test_a_listener_is_told_the_numbers():
    """Those of a few points, one by one."""
    (root,) = elements(plot.draw(lines(SIDES)), "svg")
    assert root.get("aria-label") == ("A loss. loss by step. PyTorch: 0 at 1, 10 at 2; JAX: 10 at 1, 5 at 2")


def test_decades_are_evenly_apart():
    """1, 10 and 100 on both axes."""
    one = plot.Series(name="", side="plain", points=[(1.0, 1.0), (10.0, 10.0), (100.0, 100.0)])
    svg = plot.draw(lines([one], log_x=True, log_y=True))
    (line,) = elements(svg, "polyline", "line plain")
    (a, b, c) = points(line)
    assert b[0] - a[0] == pytest.approx(c[0] - b[0], abs=0.2)
    assert a[1] - b[1] == pytest.approx(b[1] - c[1], abs=0.2)


def test_zero_has_no_logarithm():
    """And is refused by the number."""
    with pytest.raises(ValueError, match=r"above zero.*got 0\.0"):
        plot.draw(lines(SIDES, log_y=True))


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.31, 0.32), (-3, 17), (5, 5), (0, 123456)])
def test_ticks_enclose_what_stands_between_them(low, high):
    """Few, evenly apart."""
    made = plot.ticks(low, high, 6)
    assert made[0] <= low
    assert made[-1] >= high
    assert 2 <= len(made) <= 8
    steps = [after - before for before, after in pairwise(made)]
    assert steps == pytest.approx([steps[0]] * len(steps))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.25, "0.25"), (-2, "\N{MINUS SIGN}2"), (1000, "1,000"), (1e5, "10⁵"), (3e-8, "3·10⁻⁸")],
)
def test_a_tick_says_its_number_shortly(value, text):
    """Powers of ten where digits would be many."""
    assert plot.shortly(value) == text
