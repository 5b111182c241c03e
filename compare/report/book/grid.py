"""Two sources beside each other on a page: each line with the row of the grid that it stands in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from compare.lessons.align import aligned, line_rows
from compare.report.book.highlight import Piece, alike, differing, lines, silent
from compare.report.contract import Form

FIRST = 2  # row of the grid, below the heads


@dataclass(frozen=True)
class Line:
    """A line of one side. ``mark``: it "differs" from the line beside it, or stands "alone"; or neither, as do lines
    that differ in words alone."""

    row: int
    number: int
    indent: int
    mark: str
    pieces: list[Piece]
    idea: int = 0  # its place among the lesson's ideas, from 1
    other: int = 0  # the number of the line that it differs from


@dataclass(frozen=True)
class Gap:
    """Rows in which the other side alone does something."""

    row: int
    rows: int


@dataclass(frozen=True)
class Side:
    """One side's source, whole and in order."""

    path: str
    line: int
    lines: list[Line]
    gaps: list[Gap]


def beside(reference: Form, port: Form, ideas: Sequence[str] = ()) -> tuple[Side, Side, int]:
    """Both sides of one name, and how many rows they need, heads included.

    Args:
        ideas: the beginnings of lines of which something is said.
    """
    ours, theirs = lines(reference["text"]), lines(port["text"])
    left: tuple[list[Line], list[int]] = ([], [])  # its lines, and the rows in which it has none
    right: tuple[list[Line], list[int]] = ([], [])
    rows = line_rows(reference["text"], port["text"])
    quiet = _alike(reference["text"], port["text"], ours, theirs)
    for row, (i, j) in enumerate(rows, FIRST):
        pieces_left, pieces_right, mark = _marked(ours[i] if i is not None else [], theirs[j] if j is not None else [])
        if i in quiet[0] or j in quiet[1]:
            pieces_left, pieces_right, mark = ours[i] if i is not None else [], theirs[j] if j is not None else [], ""
        idea = max(_idea(pieces_left, ideas), _idea(pieces_right, ideas))
        for side, form, number, pieces, other in (
            (left, reference, i, pieces_left, None if j is None else port["line"] + j),
            (right, port, j, pieces_right, None if i is None else reference["line"] + i),
        ):
            if number is None:
                side[1].extend([row] if mark else [])
            else:
                line = _line(row, form["line"] + number, mark, pieces)
                said = idea if _text(pieces).strip() else 0
                side[0].append(replace(line, idea=said, other=other if other and line.mark == "differs" else 0))
    return _side(reference, *left), _side(port, *right), FIRST - 1 + len(rows)


def _alike(left: str, right: str, ours: list[list[Piece]], theirs: list[list[Piece]]) -> tuple[set[int], set[int]]:
    """The lines of either side's statements that say the same as what they face, on however many lines."""
    quiet: tuple[set[int], set[int]] = (set(), set())
    for row in aligned(left, right):
        if row.left and row.right and alike(_of(row.left, ours), _of(row.right, theirs)):
            quiet[0].update(i for i in row.left if not _text(ours[i]).lstrip().startswith("#"))
            quiet[1].update(j for j in row.right if not _text(theirs[j]).lstrip().startswith("#"))
    return quiet


def _of(piece: range, lines: list[list[Piece]]) -> list[Piece]:
    return [one for place in piece for one in lines[place]]


def _side(form: Form, has: list[Line], lacks: list[int]) -> Side:
    return Side(form["path"], form["line"], has, _gaps(lacks))


def _marked(one: list[Piece], other: list[Piece]) -> tuple[list[Piece], list[Piece], str]:
    """What stands in one row, and how it is marked."""
    a, b = _text(one).strip(), _text(other).strip()
    if a == b or (silent(one) and silent(other)) or (a and b and alike(one, other)):
        return one, other, ""
    return (*differing(one, other), "differs" if a and b else "alone")


def _line(row: int, number: int, mark: str, pieces: list[Piece]) -> Line:
    text = _text(pieces)
    return Line(row, number, len(text) - len(text.lstrip()), mark if text.strip() else "", pieces)


def _idea(pieces: list[Piece], ideas: Sequence[str]) -> int:
    """The place of what is said of a line, from 1; 0 where nothing is."""
    text = _text(pieces).strip()
    return next((place for place, start in enumerate(ideas, 1) if text.startswith(start)), 0)


def _gaps(rows: list[int]) -> list[Gap]:
    """Neighbouring rows as one gap."""
    gaps: list[Gap] = []
    for row in rows:
        if gaps and gaps[-1].row + gaps[-1].rows == row:
            gaps[-1] = Gap(gaps[-1].row, gaps[-1].rows + 1)
        else:
            gaps.append(Gap(row, 1))
    return gaps


def _text(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)
