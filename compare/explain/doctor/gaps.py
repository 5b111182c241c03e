"""How far apart two sides' arrays are, whether that counts as closed, and which two changes make it up together."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from compare.arrays.arrays import wide
from compare.explain.doctor.thresholds import CLOSING, ENTRIES, PROMISING, UNSEEN

Arrays = Mapping[str, np.ndarray]


class WorstGap(NamedTuple):
    """The largest gap over the size of what was made, and whether every gap is within what is allowed."""

    worst: float
    closed: bool


def distance(left: np.ndarray, right: np.ndarray) -> float:
    """The 2-norm of the difference; infinite where the shapes, or the places of NaN and infinities, differ."""
    if left.shape != right.shape:
        return float("inf")
    left, right = wide(left), wide(right)
    finite = np.isfinite(left) & np.isfinite(right)
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    if not np.all(finite | same):
        return float("inf")
    return float(np.linalg.norm((left[finite] - right[finite]).ravel()))


def size(array: np.ndarray) -> float:
    """The 2-norm over the finite entries."""
    array = wide(array)
    return float(np.linalg.norm(array[np.isfinite(array)]))


def relative(left: Arrays, right: Arrays, reference: Arrays, names: Sequence[str]) -> float:
    """The largest gap between two sides' arrays over the size of the reference's own, among ``names``."""
    return max((distance(left[name], right[name]) / (size(reference[name]) or 1.0) for name in names), default=0.0)


def closed(changed: Arrays, port: Arrays, allowed: Mapping[str, float], names: Sequence[str]) -> bool:
    """Whether every gap is within what is allowed."""
    return all(distance(changed[name], port[name]) <= allowed.get(name, 0.0) for name in names)


def gap_of(made: Arrays, port: Arrays, allowed: Mapping[str, float], names: Sequence[str]) -> WorstGap:
    """Both of what was made and the port's."""
    return WorstGap(relative(made, port, made, names), closed(made, port, allowed, names))


def nearly(changed: Arrays, port: Arrays, before: Arrays, names: Sequence[str]) -> bool:
    """Whether every gap is next to nothing beside what it was ``before``: rounding is left, or another fault."""
    for name in names:
        was, now = distance(before[name], port[name]), distance(changed[name], port[name])
        if not now <= (CLOSING * was if np.isfinite(was) else UNSEEN * size(changed[name])):
            return False
    return True


class HasSetting(Protocol):
    """Whatever has the name of one setting."""

    @property
    def setting(self) -> str: ...


S = TypeVar("S", bound=HasSetting)


def effect(plain: Arrays, changed: Arrays, names: Sequence[str]) -> np.ndarray | None:
    """What a change does to some entries of each array, as one vector; None where shapes differ or it is not finite."""
    parts = []
    for name in names:
        before, after = wide(plain[name]), wide(changed[name])
        if before.shape != after.shape or before.dtype != after.dtype:
            return None
        before, after = (array.ravel().view(np.float64) for array in (before, after))
        step = max(before.size // ENTRIES, 1)
        parts.append((after[::step] - before[::step]) / (np.linalg.norm(before) or 1.0))
    vector = np.concatenate(parts) if parts else np.zeros(0)
    return vector if np.all(np.isfinite(vector)) else None


def summing_to(gap: np.ndarray, effects: Sequence[tuple[S, np.ndarray]], count: int) -> list[tuple[S, S]]:
    """The ``count`` pairs of suspects whose effects come nearest to ``gap`` when they are added, the nearest first.

    Small changes add up to first order; a pair that this finds is tried before it is believed. Two values of one
    setting are no pair, nor is a change that comes nearer to the gap alone.
    """
    effects = [item for item in effects if np.any(item[1])]
    if len(effects) < 2:
        return []
    matrix = np.stack([item for _, item in effects])
    along, whole = matrix @ gap, float(gap @ gap)
    alone = whole - 2 * along + np.square(matrix).sum(1)
    left = alone[:, None] + alone[None, :] - whole + 2 * matrix @ matrix.T
    nearest = np.minimum(np.minimum(alone[:, None], alone[None, :]), PROMISING**2 * whole)
    pairs = sorted(zip(*np.nonzero(np.triu(left < nearest, 1)), strict=True), key=lambda pair: float(left[pair]))
    named = [(effects[i][0], effects[j][0]) for i, j in pairs]
    return [pair for pair in named if pair[0].setting != pair[1].setting][:count]
