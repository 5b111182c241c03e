"""The numbers at which a gap closes, fitted by slopes or by halves, and numbers as a person would have written them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, inf, isfinite, log, log10

import numpy as np

from compare.explain.doctor.thresholds import (
    DECIMALS,
    DONE,
    FAR,
    NEWTON,
    NUDGE,
    SHORT,
    SHORTENED,
    SHORTER,
    SLOW,
    STEPS,
    UNSEEN,
    WIDER,
    WRITTEN,
)
from compare.weights.optimizer_row import BELOW_ONE, LINEAR, POSITIVE

Moved = Callable[[float], np.ndarray | None]  # the difference that a number makes; None where nothing runs with it
Residual = Callable[[Sequence[float]], np.ndarray | None]


@dataclass(frozen=True)
class Range:
    """Where a number lives. It is searched for along x: itself, its logarithm, or (from 0 to 1) that of its distance to
    1."""

    kind: str = LINEAR
    scale: float = 1.0  # of a linear one, for which 0 is no special number

    def to_x(self, value: float) -> float:
        if self.kind == POSITIVE:
            return log(value)
        return log(1 - value) if self.kind == BELOW_ONE else value / self.scale

    def of_x(self, x: float) -> float:
        if self.kind == POSITIVE:
            return exp(min(max(x, -FAR), FAR))
        return 1 - exp(min(max(x, -FAR), 0.0)) if self.kind == BELOW_ONE else x * self.scale


@dataclass(frozen=True)
class Fitted:
    """``number`` closes the gap; so may others between ``low`` and ``high``, where these differ. ``near``: how far off
    it may be and close the gap all the same: it is known to no more. ``digits``: it is said digit by digit, whatever
    else it comes near to."""

    number: float
    low: float
    high: float
    near: float = 0.0
    digits: bool = False


def cosine(left: np.ndarray | None, right: np.ndarray) -> float:
    """Of the angle between two vectors; 0 where one of them is none or zero."""
    if left is None or not np.any(left) or not np.any(right):
        return 0.0
    return float(left @ right) / float(np.linalg.norm(left) * np.linalg.norm(right))


def by_slopes(
    residual: Residual,
    starts: Sequence[float],
    where: Sequence[Range],
    known: tuple[np.ndarray, np.ndarray] | None = None,
    done: float = 0.0,
) -> tuple[list[float], float]:
    """The numbers near ``starts`` at which ``residual`` is smallest, and what is left of it, by Gauss and Newton's way.

    Each further slope is that of the step before (Broyden's update); where that leads nowhere, slopes are measured. A
    step that leads further off is taken in part.

    Args:
        known: the residual and its slopes at the starts, where a run costs something.
        done: the part of the first residual at which to stop, after one step more for the last digits.
    """

    def at(x: np.ndarray) -> np.ndarray | None:
        left = residual([own.of_x(float(place)) for own, place in zip(where, x, strict=True)])
        return left if left is not None and np.all(np.isfinite(left)) else None

    x = np.array([own.to_x(start) for own, start in zip(where, starts, strict=True)])
    held, slopes = known if known is not None else (at(x), None)
    if held is None:
        return list(starts), inf
    first, fresh, last = _norm(held), False, False
    for _ in range(NEWTON):
        if slopes is None:
            slopes, fresh = _measured(at, x, held), True
        if slopes is None or not np.any(slopes) or last or not np.any(held):
            break
        last = _norm(held) <= done * first
        step = -np.linalg.lstsq(slopes, held, rcond=None)[0]
        there = None
        for _ in range(1 if last else SHORTER):
            there = at(x + step)
            if there is not None and _norm(there) < _norm(held):
                break
            there, step = None, step / SHORTENED
        if there is None:
            if fresh or last:
                break
            slopes = None
            continue
        shrunk = _norm(there) / _norm(held)
        if fresh and shrunk > 1 - UNSEEN:
            break
        slopes = None if shrunk > SLOW else slopes + np.outer(there - held - slopes @ step, step) / (step @ step)
        x, held, fresh = x + step, there, False
    return [own.of_x(float(place)) for own, place in zip(where, x, strict=True)], _norm(held) / (first or 1.0)


def _measured(at: Callable[[np.ndarray], np.ndarray | None], x: np.ndarray, held: np.ndarray) -> np.ndarray | None:
    columns = []
    for nudge in np.diag(NUDGE * np.maximum(1.0, np.abs(x))):
        there = at(x + nudge)
        if there is None:
            return None
        columns.append((there - held) / nudge.sum())
    return np.stack(columns, axis=1)


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
        if _norm(gap - vector) <= DONE * _norm(gap):
            return Fitted(at, min(near, far), max(near, far))
        near, far = (at, far) if float(vector @ vector) < whole else (near, at)
    return None


def _norm(vector: np.ndarray) -> float:
    return float(np.linalg.norm(vector))


def fewest_digits(start: float, end: float) -> float:
    """The number between two that is written with the fewest digits, of those near the middle."""
    low, high = min(start, end), max(start, end)
    middle = (low + high) / 2
    return next((short for short in _decimals(middle) if low <= short <= high), middle)


def _decimals(value: float) -> Iterator[float]:
    """The numbers of one digit, two, three, ... next to ``value``."""
    return (float(f"{value:.{digits}g}") for digits in range(1, DECIMALS))


def written(value: float, near: float = WRITTEN) -> float:
    """The shortest decimal number that ``value`` can have been typed as, ``near`` to it as a part of it (around 1 also
    of its distance to 1), or itself."""
    if value == 0 or not isfinite(value):
        return value
    if abs(value - 1) <= near:
        return 1.0
    size = min(value, abs(1 - value)) if 0 < value < 2 else abs(value)
    shorts = list(_decimals(value))[: round(-log10(near)) - 1]  # with one digit more every number would be short
    return next((short for short in shorts if abs(short - value) <= near * size), value)


def exactly_written(value: float) -> float:
    """The same of a number that is known to all digits but the last few."""
    return written(value, UNSEEN)


def single(value: float) -> float:
    """A short number whose float32 is ``value``, or infinity."""
    near = UNSEEN * abs(value)
    shorts = (short for short in list(_decimals(value))[:SHORT] if short != value)
    return next((short for short in shorts if abs(float(np.float32(short)) - value) <= near), inf)


def number_words(value: float) -> str:
    """A number as a person would have written it."""
    if value == inf:
        return "none"
    value = exactly_written(value)
    held = single(value)
    return f"{value:.10g}" if held == inf else f"{held:.9g} rounded to float32"


def said(value: float) -> float:
    """The number that ``number_words`` says."""
    value = exactly_written(value)
    held = single(value)
    return float(np.float32(held)) if held != inf else float(f"{value:.10g}")


def printed(value: float, near: float = 0.0) -> tuple[str, float]:
    """A number that was fitted, in words that leave out no digit to which it is known (to within ``near``), and the
    number that they say."""
    value = exactly_written(value)
    value = next((short for short in _decimals(value) if abs(short - value) <= near), value)
    held = single(value)
    if held != inf:
        return number_words(value), float(np.float32(held))
    return (f"{value:.10g}" if float(f"{value:.10g}") == value else repr(value)), value
