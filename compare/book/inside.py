"""The lines of two statements that stand beside each other, paired line by line."""

from difflib import SequenceMatcher

ALIKE = 0.5  # of two lines, from which they are taken for the same one
Paired = list[tuple[int | None, int | None]]


def paired(left: list[str], right: list[str]) -> Paired:
    """Both sides' line numbers in order; lines that are like no other share rows as far as they go.

    The pairing with the largest sum of likeness, as ``compare.lessons.align`` has it for statements.
    """
    made: Paired = []
    i = j = 0
    for one, other in [*_alike(left, right), (len(left), len(right))]:
        lone = range(max(one - i, other - j))
        made += [(i + k if i + k < one else None, j + k if j + k < other else None) for k in lone]
        if one < len(left):
            made.append((one, other))
        i, j = one + 1, other + 1
    return made


def _alike(left: list[str], right: list[str]) -> list[tuple[int, int]]:
    likeness = [[_likeness(one, other) for other in right] for one in left]
    best = [[0.0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i in range(len(left) - 1, -1, -1):
        for j in range(len(right) - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], likeness[i][j] + best[i + 1][j + 1])
    found: list[tuple[int, int]] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if likeness[i][j] and best[i][j] == likeness[i][j] + best[i + 1][j + 1]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return found


def _likeness(one: str, other: str) -> float:
    """Between 0 and 1, 0 below ``ALIKE``. Empty lines and lone brackets are alike, but hold little together."""
    a, b = one.strip(), other.strip()
    if len(a) < 3 or len(b) < 3:
        return 0.1 * (a == b)
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if matcher.real_quick_ratio() < ALIKE or matcher.quick_ratio() < ALIKE:  # bounds from above
        return 0.0
    likeness = matcher.ratio()
    return likeness if likeness >= ALIKE else 0.0
