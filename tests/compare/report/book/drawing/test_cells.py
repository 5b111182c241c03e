"""A table of numbers as cells."""

import pytest

from compare.report.book.drawing import cells

from .svg import elements, numbers, texts


def drawn(values, **more):
    return cells.draw(cells.Cells(kind="cells", title="A mask", side="jax", values=values, **more))


def shades(svg):
    return [float(one.get("fill-opacity")) for one in elements(svg, "rect", "cell")]


def test_shades_are_as_the_numbers():
    """Row by row; none for zero, full for the largest, fainter where a text stands on it."""
    assert shades(drawn([[0.0, 1.0], [2.0, 4.0]])) == [0, 0.25, 0.5, 1]
    below = shades(drawn([[0.0, 4.0]], texts=[["0", "4"]]))
    assert below == [0, cells.DEEPEST]


def test_a_cell_stands_in_its_row_and_column():
    """Beside and below the first by its own size."""
    first, right, below, _ = (
        numbers(one, "x", "y", "width", "height") for one in elements(drawn([[1.0, 2.0]] * 2), "rect")
    )
    assert right[:2] == pytest.approx((first[0] + first[2], first[1]), abs=0.1)
    assert below[:2] == pytest.approx((first[0], first[1] + first[3]), abs=0.1)


def test_what_is_masked_is_crossed_out():
    """And has no shade."""
    svg = drawn([[1.0, None]])
    assert shades(svg)[1] == 0
    assert len(elements(svg, "polyline", "cross")) == 1


def test_names_texts_outlines_and_the_scale():
    """All that was given is there."""
    svg = drawn(
        [[1.0], [3.0]], texts=[["a"], ["b"]], rows=["r1", "r2"], columns=["c"], x="key", y="query",
        outlined=[(1, 0)], ends=(0.0, 3.0), key="weight",
    )  # fmt: skip
    assert {"a", "b", "r1", "r2", "c", "key", "query", "weight", "0", "3"} <= set(texts(svg))
    (outline,) = elements(svg, "rect", "outline")
    assert numbers(outline, "x", "y") == numbers(elements(svg, "rect", "cell")[1], "x", "y")


def test_rows_are_of_one_length():
    """Else it is no table."""
    with pytest.raises(ValueError, match=r"one length, got \[1, 2\]"):
        drawn([[1.0], [1.0, 2.0]])
