"""What drawings are put on."""

import pytest

from compare.report.book.drawing.canvas import Canvas, broken, number

from .svg import elements, points


def test_what_is_written_is_text():
    """An angle bracket in a name, in a text and in the label is no element."""
    canvas = Canvas()
    canvas.text(1, 2, "a < b & <c>")
    canvas.text(1, 2, "")
    svg = canvas.svg(10, 'says "<b>"')
    assert [one.text for one in elements(svg, "text")] == ["a < b & <c>"]
    (root,) = elements(svg, "svg")
    assert (root.get("role"), root.get("aria-label"), root.get("viewBox")) == ("img", 'says "<b>"', "0 0 340 10")


def test_an_arrow_ends_in_its_tip():
    """The tip's first corner is the end, and the line stops short of it."""
    canvas = Canvas()
    canvas.arrow((0, 0), (20, 0), "edge")
    svg = canvas.svg(10, "")
    assert points(elements(svg, "polygon", "tip edge")[0])[0] == (20, 0)
    assert points(elements(svg, "polyline", "edge")[0])[-1] == (13, 0)


@pytest.mark.parametrize(("value", "text"), [(1, "1"), (1.25, "1.2"), (-0.01, "0"), (100.0, "100"), (-3.5, "-3.5")])
def test_coordinates_are_short(value, text):
    """To a tenth, and zero has no sign."""
    assert number(value) == text


def test_a_line_breaks_between_words():
    """A word is never cut."""
    assert broken("one two three", 60) == ["one two", "three"]
    assert broken("indivisible", 10) == ["indivisible"]
