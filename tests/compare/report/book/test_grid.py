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


def test_an_empty_line_carries_no_mark(rows):
    """There is nothing on it that could differ."""
    left, *_ = shown("def f(x):\n    y = x\n\n    return y\n", "def f(x):\n    y = x\n    return y\n", rows)
    assert [line.mark for line in left.lines] == ["", "", "", ""]


@pytest.mark.parametrize("name", lessons.PARTS)
def test_each_side_is_whole_in_order_and_numbered_as_in_its_file(name):
    """What a reader copies is the source; no row holds two lines of one side, and every row has a line."""
    form = part_form(name, *both(*lessons.PARTS[name]))
    left, right, last = beside(form["reference"], form["port"])
    rows = set()
    for side, key in ((left, "reference"), (right, "port")):
        assert text(side) == form[key]["text"]
        assert [line.number for line in side.lines] == [form[key]["line"] + i for i in range(len(side.lines))]
        places = [line.row for line in side.lines]
        free = [row for gap in side.gaps for row in range(gap.row, gap.row + gap.rows)]
        assert places == sorted(set(places))
        assert sorted(places + free) == list(range(FIRST, last + 1))
        rows |= set(places)
    assert rows == set(range(FIRST, last + 1))
