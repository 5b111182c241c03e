"""The number at which a gap closes: by Newton's way where the arrays move with it, by halves where they jump.

What a number does is one vector, the difference that it makes to the arrays; None where nothing runs with it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from compare.explain.doctor.thresholds import DONE, ROUNDS, SHORTENED, SHORTER, STEPS, WIDER, WRITTEN

Moved = Callable[[float], np.ndarray | None]


@dataclass(frozen=True)
class Fitted:
    """``number`` closes the gap; so may others between ``low`` and ``high``, where these differ."""

    number: float
    low: float
    high: float


def cosine(left: np.ndarray | None, right: np.ndarray) -> float:
    """Of the angle between two vectors; 0 where one of them is none or zero."""
    if left is None or not np.any(left) or not np.any(right):
        return 0.0
    return float(left @ right) / float(np.linalg.norm(left) * np.linalg.norm(right))


def by_slope(moved: Moved, gap: np.ndarray, own: float, slope: np.ndarray) -> Fitted | None:
    """Gauss and Newton's way from ``own``, where the arrays move by ``slope`` for each unit of the number.

    Each further slope is that of the step before; a step that leads further off is taken in part.
    """
    at, reached = own, np.zeros_like(gap)
    for _ in range(ROUNDS):
        left = gap - reached
        step = float(slope @ left) / float(slope @ slope)
        for _ in range(SHORTER):
            vector = moved(at + step)
            if vector is not None and np.linalg.norm(gap - vector) < np.linalg.norm(left):
                break
            step /= SHORTENED
        else:
            return None
        slope, at, reached = (vector - reached) / step, at + step, vector
        if _closed(reached, gap):
            return Fitted(at, at, at)
        if not np.any(slope):
            return None
    return None


def by_halves(moved: Moved, gap: np.ndarray, own: float, beyond: float) -> Fitted | None:
    """The number, from ``own`` towards ``beyond`` or past it, before which the arrays move too little and behind it too
    much; in each step the number of fewest digits in the middle half of what is left."""
    whole = float(gap @ gap)
    near, far = own, beyond
    for _ in range(WIDER):
        vector = moved(far)
        if vector is None or float(vector @ vector) >= whole:
            break
        near, far = far, far + 2 * (far - own)
    for _ in range(STEPS):
        quarter = (far - near) / 4
        at = fewest_digits(near + quarter, far - quarter)
        vector = moved(at)
        if vector is None:
            return None
        if _closed(vector, gap):
            return Fitted(at, min(near, far), max(near, far))
        near, far = (at, far) if float(vector @ vector) < whole else (near, at)
    return None


def _closed(moved: np.ndarray, gap: np.ndarray) -> bool:
    return float(np.linalg.norm(gap - moved)) <= DONE * float(np.linalg.norm(gap))


def fewest_digits(start: float, end: float) -> float:
    """The number between two that is written with the fewest digits, of those near the middle."""
    low, high = min(start, end), max(start, end)
    middle = (low + high) / 2
    for digits in range(1, 17):
        short = float(f"{middle:.{digits}g}")
        if low <= short <= high:
            return short
    return middle


def written(number: float) -> float:
    """The number as it was typed, where a few digits are as near as a fit gets."""
    for digits in range(1, 7):
        short = float(f"{number:.{digits}g}")
        if abs(short - number) <= WRITTEN * abs(number):
            return short
    return number
