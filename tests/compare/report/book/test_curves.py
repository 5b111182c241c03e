"""Where the curves of the training programs stand."""

from compare.report.book.curves import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, drawing

from .conftest import CURVES


def test_points_stand_where_their_numbers_say():
    """The first epoch at the left, the last at the right; 100 % at the top, the tick below the lowest share at the
    bottom; every number is in the table too."""
    drawn = drawing(CURVES)
    torch = drawn["lines"][0]
    assert [left for left, _ in torch.places] == [LEFT, WIDTH - RIGHT]
    assert drawn["rows"][0] == (HEIGHT - BOTTOM, 80)
    assert drawn["rows"][-1] == (TOP, 100)
    inner = HEIGHT - TOP - BOTTOM
    assert [top for _, top in torch.places] == [round(TOP + inner * (100 - share) / 20, 1) for share in (81, 92.5)]
    assert drawn["table"][0] == ("PyTorch", ["81.0", "92.5"], "0.300")


def test_lines_are_told_apart_without_colour():
    """Squares for one side, circles for the other, and of that one's two lines one dashed."""
    assert [(line.side, bool(line.dashes)) for line in drawing(CURVES)["lines"]] == [
        ("torch", False), ("jax", False), ("jax", True),
    ]  # fmt: skip


def test_the_page_shows_them(write):
    """The drawing with a name, and the table."""
    page = write()("model.html")
    assert page.count("<polyline") == 3
    assert "92.5" in page
