"""The curves of the training programs."""

from compare.report.book.curves import shown

from .conftest import CURVES
from .drawing.svg import elements, points


def test_each_program_has_its_line_and_its_numbers():
    """A point for each epoch; every number is in the table, too."""
    made = shown(CURVES)
    ((_, _, _, svg),) = made["figure"]
    lines = elements(svg, "polyline", "line")[len(CURVES) :]  # behind the key's
    assert [len(points(line)) for line in lines] == [2, 2, 2]
    assert made["table"][0] == ("PyTorch", ["81.0", "92.5"], "0.300")
    assert list(made["epochs"]) == [1, 2]


def test_lines_are_told_apart_without_colour():
    """Squares for one side, circles for the other, and of that one's two lines one dashed."""
    ((_, _, _, svg),) = shown(CURVES)["figure"]
    lines = elements(svg, "polyline", "line")[len(CURVES) :]
    assert [(line.get("class"), bool(line.get("stroke-dasharray"))) for line in lines] == [
        ("line torch", False), ("line jax", False), ("line jax", True),
    ]  # fmt: skip


def test_the_page_shows_them(write):
    """The drawing with what it says to a listener, the caption, and the table."""
    page = write()("model.html")
    assert "PyTorch: 81 at 1, 92.5 at 2" in page
    assert "no two curves are equal" in page
    assert page.count("<td role") == 9
