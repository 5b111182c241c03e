"""Memory as strips of cells."""

import pytest

from compare.report.book.drawing import strips

from .svg import elements, numbers, points, texts

TWO = [
    strips.Strip(name="memory", cells=["0", "1", "2"], marked=[1]),
    strips.Strip(name="permuted", cells=["0", "2", "1"], own=True),
]


def drawn(**more):
    return strips.draw(strips.Strips(kind="strips", title="A view", side="torch", strips=TWO, **more))


def test_cells_stand_side_by_side_under_their_name():
    """The marked one is strong, those in a memory of their own are dashed."""
    svg = drawn()
    assert texts(svg) == ["memory", "permuted", "0", "1", "2", "0", "2", "1"]
    first, second, *_ = elements(svg, "rect", "strip")
    assert numbers(second, "x")[0] == pytest.approx(numbers(first, "x")[0] + numbers(first, "width")[0], abs=0.1)
    assert len(elements(svg, "rect", "marked")) == 1
    assert len(elements(svg, "rect", "dashed")) == 3


def test_a_link_leads_from_cell_to_cell():
    """From the middle of the one below to the middle of the other."""
    (link,) = elements(drawn(links=[(0, 1, 2)]), "polyline", "link")
    (begin, end) = points(link)
    width = min(strips.LARGEST, (strips.WIDTH - 4) / 3)
    assert begin[0] == pytest.approx(2 + 1.5 * width, abs=0.1)
    assert end[0] == pytest.approx(2 + 2.5 * width, abs=0.1)
    assert begin[1] < end[1]


def test_a_step_is_an_arc_with_its_text():
    """Above the strip."""
    svg = drawn(steps=[(0, 0, 2, "stride 2")])
    assert "stride 2" in texts(svg)
    assert len(elements(svg, "path", "line")) == 1


def test_a_link_leads_somewhere():
    """Not beyond the last cell or the last strip."""
    for link in ((0, 0, 3), (0, 3, 0), (1, 0, 0)):
        with pytest.raises(ValueError, match="no cell for the link"):
            drawn(links=[link])
