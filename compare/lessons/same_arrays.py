"""Which statements of a lesson's two sides do the same: found from what they make of the same arrays."""

from collections.abc import Mapping
from itertools import permutations

import numpy as np

from compare.lessons.align import Pairs
from compare.lessons.ordered_pairs import best_pairs
from compare.lessons.sources import Source
from compare.lessons.statements import begins, bound, code_of, statements, textual
from compare.lessons.watched_lines import Leaves

ROUNDING = 1e-4  # of two arrays in float32, relative to the largest entry, up to which they are taken for the same one
WORDS = 0.5  # what the texts of two statements count where one has arrays; in full where neither has
PINNED = 100.0  # more than all arrays of a source together


def facing(
    reference: Source, port: Source, ours: Mapping[int, Leaves], theirs: Mapping[int, Leaves], pins: Mapping[str, str]
) -> Pairs:
    """The pairs, both rising, of statements that make the most of the same arrays.

    Two arrays are the same up to rounding and the order of their axes. Words only break ties, and decide where there
    are no arrays: at a head, a docstring, a loop.

    Args:
        ours, theirs: what each line of either file made (``Watch.made``).
        pins: the beginning of a statement of the reference, and of the port's that it faces all the same.
    """
    left, right = _pieces(reference, ours), _pieces(port, theirs)
    return best_pairs([[_likeness(one, other, pins) for other in right] for one in left])


def _pieces(source: Source, made: Mapping[int, Leaves]) -> list[tuple[str, Leaves]]:
    """Each statement's code, and the arrays that its lines made."""
    pieces = []
    for piece in statements(source.text):
        arrays = [array for i in piece for array in made.get(source.line + i, [])]
        pieces.append((code_of(piece, source.text), [array for array in arrays if _telling(array)]))
    return pieces


def _likeness(one: tuple[str, Leaves], other: tuple[str, Leaves], pins: Mapping[str, str]) -> float:
    (left, ours), (right, theirs) = one, other
    for start, end in pins.items():
        if left.startswith(start) or right.startswith(end):
            return PINNED * (left.startswith(start) and right.startswith(end))
    words, shared = textual(left, right), _shared(ours, theirs)
    names = bound(left), bound(right)
    if not shared and all(names) and not names[0] & names[1]:
        return 0.0  # two values under two names
    if not ours and not theirs:
        return words
    if ours and theirs and not shared and begins(left) != begins(right):
        return 0.0  # two arrays of two calls
    return 2 * shared / max(len(ours), len(theirs), 1) + WORDS * words


def _shared(ours: Leaves, theirs: Leaves) -> int:
    """How many arrays of one are among the other's, each taken once."""
    left = list(theirs)
    for array in ours:
        place = next((i for i, other in enumerate(left) if same(array, other)), None)
        if place is not None:
            del left[place]
    return len(theirs) - len(left)


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """Equal up to rounding and the order of the axes."""
    if sorted(one.shape) != sorted(other.shape) or (one.dtype.kind in "biu") != (other.dtype.kind in "biu"):
        return False
    scale = 0.0 if one.dtype.kind in "biu" else float(np.abs(one[np.isfinite(one)]).max(initial=0))
    return any(
        np.allclose(one, turned, rtol=0, atol=ROUNDING * scale, equal_nan=True)
        for axes in permutations(range(other.ndim))
        if (turned := other.transpose(axes)).shape == one.shape
    )


def _telling(array: np.ndarray) -> bool:
    """Whether it says which statement made it: zeros and ones are made by many."""
    return bool(array.size == 1 or (array.size and (array != array.reshape(-1)[0]).any()))
