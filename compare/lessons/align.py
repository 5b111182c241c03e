"""Two sources beside each other, statement by statement."""

import ast
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise

ALIKE = 0.34  # of two statements' texts, from which they stand beside each other


@dataclass(frozen=True)
class Row:
    """Lines of both sides that stand beside each other, as line numbers from 0 into each text; one may have none."""

    left: range
    right: range
    same: bool


def aligned(left: str, right: str) -> list[Row]:
    """The lines of both texts in order, statements that say the same thing beside each other.

    The alignment with the largest sum of likeness (Needleman and Wunsch, 1970, with free gaps).
    """
    ours, theirs = left.splitlines(), right.splitlines()
    a, b = _statements(left), _statements(right)
    rows = []
    for own_lines, other_lines in _matched(a, b, ours, theirs):
        same = [ours[i].strip() for i in own_lines] == [theirs[i].strip() for i in other_lines]
        rows.append(Row(own_lines, other_lines, same))
    return rows


def _statements(text: str) -> list[range]:
    """The text cut before each statement, with the comments above it; every line is in one piece."""
    lines = text.splitlines()
    starts = {0}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.stmt | ast.ExceptHandler):
            decorators = getattr(node, "decorator_list", [])
            start = min([node.lineno, *(decorator.lineno for decorator in decorators)]) - 1
            while start and lines[start - 1].strip().startswith("#"):
                start -= 1
            starts.add(start)
    return [range(start, end) for start, end in pairwise([*sorted(starts), len(lines)])]


def _matched(a: list[range], b: list[range], ours: list[str], theirs: list[str]) -> list[tuple[range, range]]:
    """Statements that are alike share a row; between two such rows the left side's others come first."""
    rows: list[tuple[range, range]] = []
    i = j = 0
    nowhere = range(0)
    for one, other in [*best_pairs([[_likeness(x, y, ours, theirs) for y in b] for x in a]), (len(a), len(b))]:
        rows += [(a[k], nowhere) for k in range(i, one)] + [(nowhere, b[k]) for k in range(j, other)]
        rows += [(a[one], b[other])] if one < len(a) else []
        i, j = one + 1, other + 1
    return rows


def best_pairs(likeness: list[list[float]]) -> list[tuple[int, int]]:
    """Pairs (row, column), both rising, with the largest sum of ``likeness``; what is like nothing is in none."""
    height, width = len(likeness), len(likeness[0]) if likeness else 0
    best = [[0.0] * (width + 1) for _ in range(height + 1)]
    for i in range(height - 1, -1, -1):
        for j in range(width - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], likeness[i][j] + best[i + 1][j + 1])
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < height and j < width:
        if likeness[i][j] and best[i][j] == likeness[i][j] + best[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def _likeness(one: range, other: range, ours: list[str], theirs: list[str]) -> float:
    """Between 0 and 1, 0 below ``ALIKE``; what both begin with (the name that is assigned) counts most."""
    left, right = _code(one, ours), _code(other, theirs)
    likeness = SequenceMatcher(None, left, right, autojunk=False).ratio()
    if left.split(" ")[0] == right.split(" ")[0]:
        likeness = (1 + likeness) / 2
    return likeness if likeness >= ALIKE else 0.0


def _code(piece: range, lines: list[str]) -> str:
    """A statement on one line, without its comments."""
    return " ".join(lines[i].split("#")[0].strip() for i in piece).strip()
