"""Two sources beside each other, line by line: what the terminal and the book show."""

import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from itertools import groupby
from pathlib import Path

from compare.lessons.inside import Paired, paired
from compare.lessons.ordered_pairs import best_pairs
from compare.lessons.statements import code_of, statements, textual

FACING = Path(__file__).parent / "facing.json"
HEADS = ("def ", "class ")
Pairs = list[tuple[int, int]]


@dataclass(frozen=True)
class Row:
    """Lines of both sides that stand beside each other, as line numbers from 0 into each text; one may have none."""

    left: range
    right: range


@cache  # some sources are on several pages
def line_rows(left: str, right: str) -> Paired:
    """Line numbers from 0 into each text, row by row: every line of either side once, and in order."""
    ours, theirs = left.splitlines(), right.splitlines()
    made: Paired = []
    for row in aligned(left, right):
        halves = zip(_said_and_done(row.left, ours), _said_and_done(row.right, theirs), strict=True)
        for one, other in halves:  # a comment above a statement faces no code
            if (
                one
                and other
                and ours[one[0]].lstrip().startswith(HEADS)
                and theirs[other[0]].lstrip().startswith(HEADS)
            ):
                made.append((one[0], other[0]))  # on however many lines either is written
                one, other = one[1:], other[1:]
            for i, j in paired([ours[i] for i in one], [theirs[j] for j in other]):
                made.append((None if i is None else one[i], None if j is None else other[j]))
    return _closed_up(made, ours, theirs)


def _closed_up(rows: Paired, ours: list[str], theirs: list[str]) -> Paired:
    """The same, an empty line beside what stands on the other side alone: it faces nothing, and needs no row."""
    made: Paired = []
    for alone, few in groupby(rows, key=lambda row: None in row):
        some = list(few)
        made += _few(some, ours, theirs) if alone else some
    return made


def _few(rows: Paired, ours: list[str], theirs: list[str]) -> Paired:
    """Rows with one side's line each, in as few as there can be without two that say something in one."""
    left, right = [i for i, _ in rows if i is not None], [j for _, j in rows if j is not None]
    pairs = best_pairs([[float(not (ours[i].strip() and theirs[j].strip())) for j in right] for i in left])
    made: Paired = []
    done = (0, 0)
    for i, j in [*pairs, (len(left), len(right))]:
        made += [(one, None) for one in left[done[0] : i]] + [(None, other) for other in right[done[1] : j]]
        made += [(left[i], right[j])] if i < len(left) else []
        done = (i + 1, j + 1)
    return made


def _said_and_done(piece: range, lines: list[str]) -> tuple[range, range]:
    """The comments above a statement, and the statement."""
    first = next((i for i in piece if not lines[i].strip().startswith("#")), piece.stop)
    return range(piece.start, first), range(first, piece.stop)


@cache
def aligned(left: str, right: str) -> list[Row]:
    """The statements of both texts in order, those that do the same beside each other.

    Which do was found by running both (``compare.lessons.same_arrays``) and is recorded; texts of which nothing is
    recorded are aligned by their words.
    """
    a, b = statements(left), statements(right)
    known = recorded().get(digest(left, right))
    return _rows(a, b, by_words(left, right) if known is None else known)


def by_words(left: str, right: str) -> Pairs:
    """Which statements face each other by their texts alone."""
    ours, theirs = ([code_of(piece, text) for piece in statements(text)] for text in (left, right))
    return best_pairs([[textual(one, other) for other in theirs] for one in ours])


@cache
def recorded() -> dict[str, Pairs]:
    """Pairs of statements, by the digest of both texts."""
    return {key: [(i, j) for i, j in pairs] for key, pairs in json.loads(FACING.read_text("utf-8")).items()}


def digest(left: str, right: str) -> str:
    """What both texts are known by: other texts have another."""
    return sha256(f"{left}\0{right}".encode()).hexdigest()[:16]


def _rows(a: list[range], b: list[range], pairs: Pairs) -> list[Row]:
    """Statements that face each other share a row; between two such rows the left side's others come first."""
    rows: list[Row] = []
    i = j = 0
    nowhere = range(0)
    for one, other in [*pairs, (len(a), len(b))]:
        rows += [Row(a[k], nowhere) for k in range(i, one)] + [Row(nowhere, b[k]) for k in range(j, other)]
        rows += [Row(a[one], b[other])] if one < len(a) else []
        i, j = one + 1, other + 1
    return rows
