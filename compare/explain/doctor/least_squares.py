"""Numbers that settings must have in the port, one or several at once, estimated by least squares where a run costs
nothing; and numbers as a person would have written them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import exp, inf, isfinite, log

import numpy as np

from compare.explain.doctor.thresholds import FAR, NEWTON, NUDGE, UNSEEN
from compare.weights.optimizer_row import BELOW_ONE, LINEAR, POSITIVE


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


def fitted(
    residual: Callable[[Sequence[float]], np.ndarray], starts: Sequence[float], where: Sequence[Range]
) -> list[float]:
    """The numbers near ``starts`` at which ``residual`` is smallest, by Gauss and Newton's method."""

    def values(x: np.ndarray) -> list[float]:
        return [one.of_x(float(at)) for one, at in zip(where, x, strict=True)]

    x = np.array([one.to_x(start) for one, start in zip(where, starts, strict=True)])
    held = residual(values(x))
    size = float(held @ held)
    for _ in range(NEWTON):
        nudges = np.diag(NUDGE * np.maximum(1.0, np.abs(x)))
        slopes = np.stack([(residual(values(x + one)) - held) / one.sum() for one in nudges], axis=1)
        if not (isfinite(size) and np.all(np.isfinite(slopes)) and np.any(slopes)):
            break
        step = -np.linalg.lstsq(slopes, held, rcond=None)[0]
        for _ in range(6):
            there = residual(values(x + step))
            left = float(there @ there)
            if isfinite(left) and left < size:
                break
            step /= 4
        else:
            break
        x, held, size, before = x + step, there, left, size
        if size == 0 or np.all(np.abs(step) <= 1e-15 * np.abs(x)) or size > before * (1 - UNSEEN):
            break
    return values(x)


def written(value: float) -> Iterator[float]:
    """The numbers of one to eight digits next to ``value``."""
    return (float(f"{value:.{digits}e}") for digits in range(8))


def short(value: float) -> float:
    """The shortest decimal number that ``value`` can have been written as, or itself."""
    if value == 0 or not isfinite(value):
        return value
    near = UNSEEN * (min(value, 1 - value) if 0 < value < 1 else abs(value))
    return next((one for one in written(value) if abs(one - value) <= near), value)


def single(value: float) -> float:
    """A short number whose float32 is ``value``, or infinity."""
    near = UNSEEN * abs(value)
    return next((one for one in written(value) if one != value and abs(float(np.float32(one)) - value) <= near), inf)


def number(value: float) -> str:
    """A number as a person would have written it."""
    if value == inf:
        return "none"
    held = single(value)
    return f"{value:.10g}" if held == inf else f"{held:g} rounded to float32"
