"""Two causes at once: which two changes, by what each does alone, make up the gap together."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

import numpy as np

from compare.explain.doctor.thresholds import ENTRIES, PROMISING


class Named(Protocol):
    """Whatever has the name of one setting."""

    @property
    def setting(self) -> str: ...


N = TypeVar("N", bound=Named)


def effect(plain: Mapping[str, np.ndarray], changed: Mapping[str, np.ndarray], names: list[str]) -> np.ndarray | None:
    """What a change does to some entries of each array, as one vector; None where shapes differ or it is not finite."""
    parts = []
    for name in names:
        before, after = np.asarray(plain[name], np.float64), np.asarray(changed[name], np.float64)
        if before.shape != after.shape:
            return None
        step = max(before.size // ENTRIES, 1)
        parts.append((after.ravel()[::step] - before.ravel()[::step]) / (np.linalg.norm(before) or 1.0))
    vector = np.concatenate(parts) if parts else np.zeros(0)
    return vector if np.all(np.isfinite(vector)) else None


def summing_to(gap: np.ndarray, effects: Sequence[tuple[N, np.ndarray]], count: int) -> list[tuple[N, N]]:
    """The ``count`` pairs of suspects whose effects come nearest to ``gap`` when they are added, the nearest first.

    Small changes add up to first order; a pair that this finds is tried before it is believed. Two values of one
    setting are no pair, nor is a change that comes nearer to the gap alone.
    """
    effects = [item for item in effects if np.any(item[1])]
    if len(effects) < 2:
        return []
    matrix = np.stack([item for _, item in effects])
    products, along, whole = matrix @ matrix.T, matrix @ gap, float(gap @ gap)
    alone = whole - 2 * along + np.diag(products)
    left = alone[:, None] + alone[None, :] - whole + 2 * products
    ranked = []
    for i in range(len(effects)):
        for j in range(i + 1, len(effects)):
            if effects[i][0].setting != effects[j][0].setting and left[i, j] < min(
                alone[i], alone[j], PROMISING**2 * whole
            ):
                ranked.append((float(left[i, j]), i, j))
    return [(effects[i][0], effects[j][0]) for _, i, j in sorted(ranked)[:count]]
