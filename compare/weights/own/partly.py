"""An array that is only partly what it should be: where it is, and how far apart the rest is."""

import numpy as np

from compare.weights.own.rearrangement import axis_words, has_slices_of
from compare.weights.own.value_relation import in_format, value_relation

FEW = 2  # entries that anything makes of each other
MOST = 0.5  # of an axis's positions: with more of them in place, or moved alike, that is what happened


def partly(right: np.ndarray, given: np.ndarray) -> str:
    """In words what two float64 arrays of one shape have in common; how far apart they are, where it is nothing."""
    right = in_format(right, given)
    if shifted := _shifted_anywhere(right, given):
        return shifted
    equal = int(np.count_nonzero((right == given) | (np.isnan(right) & np.isnan(given))))
    if equal > MOST * right.size:
        others = right != given
        alike = value_relation(right[others], given[others]) if np.count_nonzero(others) > FEW else None
        how = f": {alike.text}" if alike and alike.text else ""
        return f"{right.size - equal} of {right.size} entries are others{how}"
    with np.errstate(all="ignore"):
        norm, gap = np.linalg.norm(right), np.linalg.norm(given - right)
    if right.size == 1:
        return f"{given.flat[0]:.6g} for {right.flat[0]:.6g}"
    return f"relative difference {gap / norm:.1e}" if norm and np.isfinite(gap / norm) else f"difference {gap:.1e}"


def shares_most(right: np.ndarray, given: np.ndarray) -> bool:
    """Whether most of what is there, zeros and ones left aside, is in place or moved alike: no chance makes that."""
    if right.shape != given.shape:
        return False
    right = in_format(right, given)
    drawn = (right != 0) & (right != 1)
    if np.count_nonzero(drawn & (right == given)) > MOST * np.count_nonzero(drawn):
        return True
    return bool(_shifted_anywhere(right, given))


def _shifted_anywhere(right: np.ndarray, given: np.ndarray) -> str:
    """The same as ``_shifted``, of the first axis of which it is so."""
    axes = (axis for axis in range(right.ndim) if right.shape[axis] > 2 and has_slices_of(right, given, axis))
    return next(filter(None, (_shifted(right, given, axis) for axis in axes)), "")


def _shifted(right: np.ndarray, given: np.ndarray, axis: int) -> str:
    """Whether most slices of an axis are there, a constant number of positions further."""
    rows = np.moveaxis(right, axis, 0).reshape(right.shape[axis], -1) + 0.0
    if len(np.unique(rows[:, 0])) < 2:
        return ""
    places = {row.tobytes(): place for place, row in enumerate(rows)}
    moved = np.ascontiguousarray(np.moveaxis(given, axis, 0).reshape(given.shape[axis], -1) + 0.0)
    steps = [place - at for at, row in enumerate(moved) if (place := places.get(row.tobytes())) is not None]
    if len(steps) <= MOST * len(rows):
        return ""
    step, count = max(((one, steps.count(one)) for one in set(steps)), key=lambda pair: pair[1])
    what = axis_words(axis, right.shape)
    if step and count > MOST * len(rows):
        lost = len(rows) - count
        return f"{what}: shifted by {abs(step)} {'up' if step > 0 else 'down'}, and {lost} of {len(rows)} others"
    # Rows of which but a few entries are others are no other rows.
    apart = np.count_nonzero(rows != moved)
    if not step and count < len(rows) and right.ndim > 1 and apart > MOST * (len(rows) - count) * rows.shape[1]:
        return f"{len(rows) - count} of {len(rows)} {what if right.ndim == 2 else f'slices of {what}'} are others"
    return ""
