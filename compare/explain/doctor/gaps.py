"""How far apart two sides' arrays are, and whether that counts as closed."""

from collections.abc import Mapping

import numpy as np

from compare.explain.doctor.thresholds import CLOSING, UNSEEN

Arrays = Mapping[str, np.ndarray]


def distance(left: np.ndarray, right: np.ndarray) -> float:
    """The 2-norm of the difference; infinite where the shapes, or the places of NaN and infinities, differ."""
    if left.shape != right.shape:
        return float("inf")
    left, right = np.asarray(left, np.float64), np.asarray(right, np.float64)
    finite = np.isfinite(left) & np.isfinite(right)
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    if not np.all(finite | same):
        return float("inf")
    return float(np.linalg.norm((left[finite] - right[finite]).ravel()))


def size(array: np.ndarray) -> float:
    """The 2-norm over the finite entries."""
    array = np.asarray(array, np.float64)
    return float(np.linalg.norm(array[np.isfinite(array)]))


def relative(left: Arrays, right: Arrays, reference: Arrays, names: list[str]) -> float:
    """The largest gap between two sides' arrays over the size of the reference's own, among ``names``."""
    return max((distance(left[name], right[name]) / (size(reference[name]) or 1.0) for name in names), default=0.0)


def closed(changed: Arrays, port: Arrays, allowed: Mapping[str, float], names: list[str]) -> bool:
    """Whether every gap is within what is allowed."""
    return all(distance(changed[name], port[name]) <= allowed.get(name, 0.0) for name in names)


def nearly(changed: Arrays, port: Arrays, before: Arrays, names: list[str]) -> bool:
    """Whether every gap is next to nothing beside what it was ``before``: rounding is left, or another fault."""
    for name in names:
        was, now = distance(before[name], port[name]), distance(changed[name], port[name])
        if not now <= (CLOSING * was if np.isfinite(was) else UNSEEN * size(changed[name])):
            return False
    return True
