"""Axes of a batch whose length may be another: a number that is the length of an axis is no constant of the code."""

from collections.abc import Callable, Collection, Iterator

import numpy as np

from compare.arrays.batch import Batch

Axes = frozenset[tuple[str, int]]  # of arrays by name, the axes that have one length


def of_other_lengths(batch: Batch, runs: Callable[[Batch], bool], taken: Collection[int] = frozenset()) -> Batch | None:
    """The batch with every axis but that of its rows of another length, if it ``runs`` so; None where none may be.

    ``taken``: lengths of other things, as of weights, which no axis gets while there is another: which axis is which
    would be hard to tell.
    """
    varied = None
    for length, axes in _groups(batch):
        others = {size for array in (batch.inputs | batch.targets).values() for size in array.shape} | set(taken)
        for other in sorted(_others(length), key=others.__contains__):
            made = _resized(varied or batch, axes, length, other)
            if made is not None and runs(made):
                varied = made
                break
    return varied


def _groups(batch: Batch) -> Iterator[tuple[int, Axes]]:
    """All axes of one length together, as a sequence and its square mask have it; then those at one place alone."""
    by_length: dict[int, set[tuple[str, int]]] = {}
    for name, array in (batch.inputs | batch.targets).items():
        for axis, length in enumerate(array.shape):
            if axis != batch.axis(name) and length > 1:
                by_length.setdefault(length, set()).add((name, axis))
    for length, axes in by_length.items():
        yield length, frozenset(axes)
        places = {axis for _, axis in axes}
        if len(places) > 1:
            for place in sorted(places):
                yield length, frozenset((name, axis) for name, axis in axes if axis == place)


def _others(length: int) -> list[int]:
    """One or two less, for a table may hold no more; one more; half of it, for what is halved on the way."""
    return list(dict.fromkeys(n for n in (length - 1, length - 2, length + 1, length // 2) if n > 1))


def _resized(batch: Batch, axes: Axes, length: int, other: int) -> Batch | None:
    """The first entries along some axes, or all and the first once more; None where an axis is another's by now."""
    arrays = batch.inputs | batch.targets
    if any(arrays[name].shape[axis] != length for name, axis in axes):
        return None
    order = np.arange(other) % length

    def taken(name: str, array: np.ndarray) -> np.ndarray:
        for axis in range(array.ndim):
            array = np.take(array, order, axis) if (name, axis) in axes else array
        return array

    return batch.mapped(taken)
