"""The number that a setting must have in the port, estimated from the updates by least squares."""

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, inf, isfinite, log

import numpy as np

LINEAR, POSITIVE, BELOW_ONE = "linear", "positive", "below one"
NUDGE = 1e-6
ROUNDS = 20
FAR = 300.0
CLOSE = 1e-9  # relative: a short number so near to an estimate is what was written


@dataclass(frozen=True)
class Range:
    """Where a number lives. It is searched for along x: itself, its logarithm, or (from 0 to 1) that of its distance to
    1."""

    kind: str
    scale: float = 1.0  # of a linear one, for which 0 is no special number

    def to_x(self, value: float) -> float:
        if self.kind == POSITIVE:
            return log(value)
        return log(1 - value) if self.kind == BELOW_ONE else value / self.scale

    def of_x(self, x: float) -> float:
        if self.kind == POSITIVE:
            return exp(min(max(x, -FAR), FAR))
        return 1 - exp(min(max(x, -FAR), 0.0)) if self.kind == BELOW_ONE else x * self.scale


def fitted(residual: Callable[[float], np.ndarray], start: float, where: Range) -> float:
    """The number near ``start`` at which ``residual`` is smallest, by Gauss and Newton's method in one unknown."""
    x = where.to_x(start)
    held = residual(start)
    size = float(held @ held)
    for _ in range(ROUNDS):
        nudge = NUDGE * max(1.0, abs(x))
        slope = (residual(where.of_x(x + nudge)) - held) / nudge
        steep = float(slope @ slope)
        if not (isfinite(steep) and steep > 0):
            break
        step = -float(slope @ held) / steep
        for _ in range(6):
            there = residual(where.of_x(x + step))
            made = float(there @ there)
            if isfinite(made) and made < size:
                break
            step /= 4
        else:
            break
        x, held, size, before = x + step, there, made, size
        if size == 0 or abs(step) <= 1e-15 * abs(x) or size > before * (1 - 1e-9):
            break
    return where.of_x(x)


def short(value: float) -> float:
    """The shortest decimal number that ``value`` can have been written as, or itself."""
    if value == 0 or not isfinite(value):
        return value
    for digits in range(1, 9):
        written = float(f"{value:.{digits - 1}e}")
        if abs(written - value) <= CLOSE * (min(value, 1 - value) if 0 < value < 1 else abs(value)):
            return written
    return value


def single(value: float) -> float:
    """A short number whose float32 is ``value``, or infinity."""
    for digits in range(1, 8):
        written = float(f"{value:.{digits - 1}e}")
        if written != value and abs(float(np.float32(written)) - value) <= CLOSE * abs(value):
            return written
    return inf


def number(value: float) -> str:
    """A number as a person would have written it."""
    if value == inf:
        return "none"
    said, held = f"{value:.10g}", single(value)
    return said if held == inf else f"{held:g} rounded to float32"
