"""The lines of two statements that stand beside each other, paired line by line."""

from difflib import SequenceMatcher

from compare.lessons.ordered_pairs import best_pairs

ALIKE = 0.5  # of two lines, from which they are taken for the same one
Paired = list[tuple[int | None, int | None]]


def paired(left: list[str], right: list[str]) -> Paired:
    """Both sides' line numbers in order; lines that are like no other share rows as far as they go.

    The pairing with the largest sum of likeness.
    """
    rows: Paired = []
    i = j = 0
    pairs = best_pairs([[_likeness(a, b) for b in right] for a in left])
    for next_left, next_right in [*pairs, (len(left), len(right))]:
        lone = range(max(next_left - i, next_right - j))
        rows += [(i + k if i + k < next_left else None, j + k if j + k < next_right else None) for k in lone]
        if next_left < len(left):
            rows.append((next_left, next_right))
        i, j = next_left + 1, next_right + 1
    return rows


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
