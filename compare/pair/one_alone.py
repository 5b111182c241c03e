"""What enters a pair while one array is told from others: it has numbers of its own, the others are all alike."""

from collections.abc import Collection
from dataclasses import replace
from itertools import permutations
from math import sqrt

import numpy as np

from compare.pair.pair import Entering

PART = 0.3  # of the identity, that numbers drawn for a square matrix are: it can be inverted, and is none of its powers


def one_alone(entering: Entering, name: str, alike: Collection[str]) -> Entering:
    """The same with each array of ``alike`` but one the same as every other of its sizes, whichever way its axes lie;
    the array ``name`` has numbers of its own."""
    rng = np.random.default_rng(entering.seed)
    held: dict[tuple[int, ...], np.ndarray] = {}
    weights = dict(entering.weights)
    for one in sorted(alike):
        shape, dtype = weights[one].shape, weights[one].dtype
        order = sorted(range(len(shape)), key=lambda axis: shape[axis])
        sizes = tuple(shape[axis] for axis in order)
        if sizes not in held:
            held[sizes] = _turned_alike(_drawn(sizes, rng))
        weights[one] = held[sizes].transpose(np.argsort(order)).astype(dtype)
    weights[name] = _drawn(weights[name].shape, rng).astype(weights[name].dtype)
    return replace(entering, weights=weights)


def _drawn(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    drawn: np.ndarray = rng.standard_normal(shape)
    is_square = len(shape) == 2 and shape[0] == shape[1]
    return np.eye(shape[0]) + PART * drawn / sqrt(shape[0]) if is_square else drawn


def _turned_alike(array: np.ndarray) -> np.ndarray:
    """The mean over every order of the axes that leaves the shape as it is."""
    orders = [order for order in permutations(range(array.ndim)) if array.transpose(order).shape == array.shape]
    mean: np.ndarray = sum((array.transpose(order) for order in orders), np.zeros(array.shape)) / len(orders)
    return mean
