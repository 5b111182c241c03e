"""A second draw of what enters a pair: batch, weights and cotangents anew, with another number of rows."""

from dataclasses import replace

import numpy as np

from compare.arrays.arrays import FLOATING, Arrays, by_parts
from compare.arrays.batch import Batch
from compare.arrays.probes import BASE, other_integers
from compare.errors import UsageError, swallowed
from compare.explain.doctor.thresholds import MOVED
from compare.pair.pair import Entering
from compare.sides.quartet import Quartet

DRAWS = 4  # new ones: with another number of rows or as many, first with other integers and then with those there are


def redrawn(quartet: Quartet, entering: Entering, probe: str, number: int) -> Entering | None:
    """What enters, drawn anew: with one row more, and then with as many, for a pair that does not allow more; None
    where there would be no more.

    A batch of the pair's own recipe is drawn by it; one that is given, or that a probe has made, has its rows permuted
    and its floats moved, so that it stays of its kind: zeros and whole numbers, of which masks and pixels are made,
    stay what they are. Integers are drawn within their bounds; those without between the least and the most that there
    are, for a mask or a length that stays the same hides what depends on it. A pair that cannot take those (of edges,
    or of lengths in order) has the integers that there are, which go where their rows go: the last two draws.
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
    more, others = number % 2 == 0, number < 2
    if not others and not any(_is_free(*named, batch) for named in (batch.inputs | batch.targets).items()):
        return None  # it would be a draw that there was already
    if more and not rows:
        return None
    order = np.concatenate([rng.permutation(rows), rng.integers(0, max(rows, 1), int(more))])
    taken = batch.taking(order) if rows else batch
    return replace(fed, batches=(_anew(taken, rng, others=others),)).at(quartet.precision)


def _weights(quartet: Quartet, entering: Entering, rng: np.random.Generator) -> Arrays:
    """Those of the pair's own recipe, or those that entered."""
    try:
        drawn = quartet.pair.draw_weights(rng)
    except UsageError as error:
        swallowed(error)
        drawn = None
    return entering.weights if drawn is None else {name: drawn.get(name, own) for name, own in entering.weights.items()}


def _anew(batch: Batch, rng: np.random.Generator, others: bool) -> Batch:
    """``others``: integers without bounds are others of the same range."""

    def redraw(name: str, array: np.ndarray) -> np.ndarray:
        if name in batch.bounds:
            return other_integers(array, batch.bounds[name], rng)
        if others and _is_free(name, array, batch):
            least, most = int(array.min()), int(array.max())
            least = least if least < most else min(most, 1 if most > 1 else 0)
            return other_integers(array, (least, most + 1), rng)
        return _moved(array, rng)

    return batch.mapped(redraw)


def _is_free(name: str, array: np.ndarray, batch: Batch) -> bool:
    """Whether an array is of integers without bounds."""
    return name not in batch.bounds and array.dtype.kind in "iub" and array.size > 0


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
