"""Both sources on one grid."""

import pytest

from compare import lessons
from compare.lessons.sources import both
from compare.report.book.grid import FIRST, Gap, beside
from compare.report.form import part_form


def text(side):
    return "".join("".join(piece.text for piece in line.pieces) + "\n" for line in side.lines)


def shown(left, right, rows):
    form = rows(left, right)
    return beside(form["reference"], form["port"])


def test_marks_and_gaps(rows):
    """A line that differs, one that stands alone, and the room it leaves on the other side."""
    left, right, last = shown(
        "def f(x):\n    return x.t()\n", "def f(x):\n    # see above\n    y = 1\n    return x.T\n", rows
    )
    assert [line.mark for line in left.lines] == ["", "differs"]
    assert [line.mark for line in right.lines] == ["", "alone", "alone", "differs"]
    assert [line.other for line in left.lines] == [0, 4]
    assert [line.other for line in right.lines] == [0, 0, 0, 2]
    assert left.gaps == [Gap(FIRST + 1, 2)]
    assert right.gaps == []
    assert left.lines[-1].row == right.lines[-1].row == last == FIRST + 3
    assert [line.indent for line in left.lines] == [0, 4]


def test_words_and_what_an_array_is_called_are_no_difference(rows):
    """A signature, a docstring and a comment that differ in words alone have no mark, nor room left beside them; a
    comment of one side alone has."""
    left, right, _ = shown(
        'def f(x: Tensor) -> Tensor:\n    """Adds.\n\n    In place.\n    """\n    # now\n    return x + 1  # new\n',
        'def f(x: Array) -> Array:\n    """Is a sum.\n    """\n    return x + 1  # old\n',
        rows,
    )
    assert [line.mark for line in left.lines] == ["", "", "", "", "", "alone", ""]
    assert {line.mark for line in right.lines} == {""}
    assert left.gaps == []
    assert [gap.rows for gap in right.gaps] == [1]  # beside the comment
    assert not any(piece.differs for line in (*left.lines, *right.lines) for piece in line.pieces)
    left, *_ = shown("y = f(Tensor)\n", "y = g(Array)\n", rows)
    assert [line.mark for line in left.lines] == ["differs"]


def test_a_head_on_more_lines_is_the_same_head(rows):
    """Its first line faces the first, and what only stands on other lines has no mark; another argument has."""
    short = "def f(x: Tensor, y: int) -> Tensor:\n    return x\n"
    left, right, _ = shown(short, "def f(\n    x: Array,\n    y: int,\n) -> Array:\n    return x\n", rows)
    assert {line.mark for line in (*left.lines, *right.lines)} == {""}
    assert left.gaps == right.gaps == []
    assert left.lines[0].row == right.lines[0].row
    left, *_ = shown(short, "def f(\n    x: Array,\n    y: float,\n) -> Array:\n    return x\n", rows)
    assert left.lines[0].mark == "differs"


def test_an_empty_line_carries_no_mark(rows):
    """There is nothing on it that could differ."""
    left, *_ = shown("def f(x):\n    y = x\n\n    return y\n", "def f(x):\n    y = x\n    return y\n", rows)
    assert [line.mark for line in left.lines] == ["", "", "", ""]
    form = rows("y = x\n\nz = 1\n", "y = x\nmark(x)\nz = 1\n")
    left, right, _ = beside(form["reference"], form["port"], ["mark("])
    assert [line.idea for line in left.lines] == [0, 0, 0]
    assert [line.idea for line in right.lines] == [0, 1, 0]


@pytest.mark.parametrize("name", lessons.PARTS)
def test_each_side_is_whole_in_order_and_numbered_as_in_its_file(name):
    """What a reader copies is the source; no row holds two lines of one side, and every row has a line."""
    form = part_form(name, *both(*lessons.PARTS[name]))
    left, right, last = beside(form["reference"], form["port"])
    rows = set()
    marked, gaps = dict[str, set[int]](), dict[str, set[int]]()
    for side, key in ((left, "reference"), (right, "port")):
        assert text(side) == form[key]["text"]
        assert [line.number for line in side.lines] == [form[key]["line"] + i for i in range(len(side.lines))]
        places = [line.row for line in side.lines]
        free = [row for gap in side.gaps for row in range(gap.row, gap.row + gap.rows)]
        assert places == sorted(set(places))
        assert not set(places) & set(free)
        rows |= set(places)
        marked[key] = {line.row for line in side.lines if line.mark == "alone"}
        gaps[key] = set(free)
    assert rows == set(range(FIRST, last + 1))
    assert gaps["reference"] <= marked["port"]  # room is left beside what does something
    assert gaps["port"] <= marked["reference"]
