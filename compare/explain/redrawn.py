"""Other draws of what enters a pair: batch, weights and cotangents anew, of other sizes where the pair allows them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from compare.arrays.arrays import FLOATING, Arrays, by_parts
from compare.arrays.batch import Batch
from compare.arrays.probes import BASE, other_integers
from compare.arrays.several import each
from compare.errors import UsageError, swallowed
from compare.explain.doctor.thresholds import MOVED, NO_RANGE
from compare.explain.lengths import of_other_lengths
from compare.pair.pair import Entering
from compare.sides.quartet import Quartet


@dataclass(frozen=True)
class Redraw:
    """What a new draw changes beside the values of floats.

    Attributes:
        whole: integers, and floats that are whole numbers, are others of the same range where no bounds say which; else
            they stay what they are and go where their rows go.
        rows: there is one more of them; lengths: axes that are no batch axis have another length.
    """

    whole: bool
    rows: bool
    lengths: bool


# The one that changes most comes first; a pair that does not run on it is given one that changes less.
REDRAWS = tuple(Redraw(*flags) for flags in product((True, False), repeat=3))


def redrawn(
    quartet: Quartet, entering: Entering, probe: str, how: Redraw, runs: Callable[[Entering], bool] = lambda other: True
) -> Entering | None:
    """What enters, drawn anew; None where that would be a draw which another of ``REDRAWS`` makes as well.

    A batch of the pair's own recipe is drawn by it; one that is given, or that a probe has made, has its rows permuted
    and its floats moved, so that it stays of its kind. Integers are drawn within their bounds; those without between
    the least and the most that there are, for a mask or a length that stays the same hides what depends on it.

    Args:
        runs: whether the pair runs on what enters; it is asked which axes may have another length, and a number of rows
            that it does not take is none.
    """
    seed = entering.seed + 1
    rng = np.random.default_rng([seed, len(probe)])
    batch = entering.batches[0]
    if probe == BASE and callable(quartet.pair.batch):
        try:
            batch = quartet.pair.draw(rng)
        except UsageError as error:
            swallowed(error)
    fed = replace(
        entering,
        weights={name: _moved(array, rng) for name, array in _weights(quartet, entering, rng).items()},
        buffers={name: _moved(array, rng) for name, array in entering.buffers.items()},
        seed=seed,
    )
    rows = batch.rows
    if not how.whole and not any(_is_free(*named, batch) for named in (batch.inputs | batch.targets).items()):
        return None
    if how.rows and not rows:
        return None
    order = np.concatenate([rng.permutation(rows), rng.integers(0, max(rows, 1), int(how.rows))])
    batch = _anew(batch.taking(order) if rows else batch, rng, whole=how.whole)

    def entered(other: Batch) -> Entering:
        return replace(fed, batches=(other,)).at(quartet.precision)

    if how.lengths:
        taken = {length for array in fed.weights.values() for length in array.shape}
        other = of_other_lengths(batch, lambda one: runs(entered(one)), taken)
        return entered(other) if other is not None else None
    return entered(batch)


def _weights(quartet: Quartet, entering: Entering, rng: np.random.Generator) -> Arrays:
    """Those of the pair's own recipe, or those that entered."""
    try:
        drawn = quartet.pair.draw_weights(rng)
    except UsageError as error:
        swallowed(error)
        drawn = None
    return entering.weights if drawn is None else {name: drawn.get(name, own) for name, own in entering.weights.items()}


def redrawn_steps(quartet: Quartet, entering: Entering) -> Entering:
    """What enters training steps, drawn anew: every batch with its rows permuted and its floats moved, as many of both;
    the weights likewise, and the seed of the cotangents."""
    rng = np.random.default_rng(entering.seed + 1)

    def anew(batch: Batch) -> Batch:
        return _anew(batch.taking(rng.permutation(batch.rows)) if batch.rows else batch, rng, whole=False)

    return replace(
        entering,
        weights={name: _moved(array, rng) for name, array in entering.weights.items()},
        buffers={name: _moved(array, rng) for name, array in entering.buffers.items()},
        batches=each(anew, entering.batches),
        seed=entering.seed + 1,
    ).at(quartet.precision)


def _anew(batch: Batch, rng: np.random.Generator, whole: bool) -> Batch:
    """``whole``: integers without bounds, and floats that are whole numbers, are others of the same range."""

    def redraw(name: str, array: np.ndarray) -> np.ndarray:
        if name in batch.bounds:
            return other_integers(array, batch.bounds[name], rng)
        return _others(array, rng) if whole and _is_free(name, array, batch) else _moved(array, rng)

    return batch.mapped(redraw)


def _others(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Other whole numbers of the same range. Those that are all one are of no range: then they count from 1 up to it,
    or are a mask. What marks one of several stays such a mark; of two numbers, or of some far apart, as a mask has
    them, there is nothing between."""
    values = np.unique(array)
    if array.ndim > 1 and array.shape[-1] > 1 and np.all((array == 0) | (array == 1)) and np.all(array.sum(-1) == 1):
        return rng.permuted(array, axis=-1)
    least, most = int(values[0]), int(values[-1])
    if least == most:
        least, most = (min(least, 0), max(most, 1)) if most < 2 else (1, most)
    elif len(values) == 2 or most - least > NO_RANGE:
        return rng.choice(values, array.shape).astype(array.dtype)
    return other_integers(array, (least, most + 1), rng)


def _is_free(name: str, array: np.ndarray, batch: Batch) -> bool:
    """Whether an array is of whole numbers without bounds."""
    return name not in batch.bounds and array.size > 0 and (array.dtype.kind in "iub" or _is_whole(array))


def _is_whole(array: np.ndarray) -> bool:
    return array.dtype.kind == "f" and bool(np.all(np.isfinite(array)) and np.all(array == np.round(array)))


def _moved(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Every float moved by up to ``MOVED`` of itself; an array of whole numbers alone stays as it is."""
    if array.dtype.kind not in FLOATING:
        return array
    finite = array[np.isfinite(array)]
    if np.all(finite == np.round(finite)):
        return array

    def move(floats: np.ndarray) -> np.ndarray:
        moved: np.ndarray = (floats * (1 + MOVED * rng.uniform(-1, 1, floats.shape))).astype(floats.dtype)
        return moved

    return by_parts(move, array)
