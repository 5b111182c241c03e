"""Probes: batches on which a port that agrees on ordinary data can still differ.

A probe transforms the pair's own batch along its batch axes. It touches floating inputs only, of complex ones both
parts; integers are redrawn within their declared bounds. The probes of ``FULL`` keep the batch's shape, so all of them
run through one compiled program; those of ``OTHER`` change the number of rows, and each compiles anew.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

import numpy as np

from compare.arrays.arrays import FLOATING, by_parts
from compare.arrays.batch import Batch
from compare.verdict.precision import Precision

Transform = Callable[[np.ndarray, np.random.Generator], np.ndarray]

BASE = "batch"
PERTURBATIONS = 4
SUBNORMAL = "subnormal"
FEW_ROWS = "few_rows"  # of a large model, the batch's first rows as they are
REDRAWN = "redrawn"  # the one probe of a batch of integers

FULL: dict[str, Transform | None] = {  # None: not entry by entry, see _equal_rows
    "normal": lambda x, rng: rng.standard_normal(x.shape),
    "zeros": lambda x, rng: np.zeros_like(x),
    "ties": lambda x, rng: rng.integers(-1, 2, x.shape).astype(x.dtype),
    "offset": lambda x, rng: x + 1000,
    "saturated": lambda x, rng: 1000 * rng.standard_normal(x.shape),
    "tiny_variance": lambda x, rng: 1 + 1e-3 * rng.standard_normal(x.shape),
    "equal_rows": None,
}
OTHER: dict[str, int] = {"one_row": 1, "empty": 0}


def full_batches(batch: Batch, precision: Precision, seed: int) -> dict[str, Batch]:
    """The default probes of ``batch``, each with its shapes: none where no input floats and none has bounds, one where
    only integers can be redrawn."""
    if not batch.floating:
        rng = np.random.default_rng(seed)
        return {REDRAWN: _redrawn(batch, rng)} if set(batch.bounds) & {*batch.inputs, *batch.targets} else {}
    transforms = FULL | {SUBNORMAL: lambda x, rng: precision.smallest_normal / 8 * rng.standard_normal(x.shape)}
    rngs = np.random.default_rng(seed).spawn(len(transforms))
    made = {}
    for (name, transform), rng in zip(transforms.items(), rngs, strict=True):
        if transform is None and batch.rows == 1:
            continue  # one row equals itself
        probe = _equal_rows(batch) if transform is None else _transformed(batch, transform, rng)
        made[name] = _redrawn(probe, rng)
    return made


def other_sizes(batch: Batch) -> dict[str, Batch]:
    """The same batch cut to one row and to none; none where no array has a batch axis."""
    return {name: batch.taking(slice(rows)) for name, rows in OTHER.items()} if batch.rows else {}


def probed(batch: Batch, precision: Precision, seed: int, every: bool, quick: bool) -> dict[str, Batch]:
    """The batch itself and, unless ``quick``, its probes; with ``every`` also those with other numbers of rows."""
    if quick:
        return {BASE: batch}
    return {BASE: batch} | full_batches(batch, precision, seed) | (other_sizes(batch) if every else {})


def nearby(batch: Batch, precision: Precision, seed: int) -> Iterator[Batch]:
    """The seeded perturbations of a probe that tell whether it sits on a kink."""
    for rng in np.random.default_rng(seed).spawn(PERTURBATIONS):
        yield perturbed(batch, rng).at(precision)


def perturbed(batch: Batch, rng: np.random.Generator) -> Batch:
    """``batch`` with every entry of its floating inputs moved by a thousandth of itself; a zero by a thousandth of the
    input's size, at most of 1, so that beside the -1e9 of a mask its zeros stay zeros in effect. What is subnormal in
    float32 is a zero to a model: a thousandth of itself would leave it where it is.

    Where no entry of an input is negative (pixels, counts) none becomes so, since a model may refuse it; nor positive.
    """

    def move(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        zero = np.abs(x) < np.finfo(np.float32).tiny
        size = float(np.sqrt(np.mean(np.square(np.where(zero, 0, x), dtype=np.float64)))) if x.size else 0.0
        ways = rng.standard_normal(x.shape)
        if np.any(x) and (np.all(x >= 0) or np.all(x <= 0)):
            ways = np.where(zero, np.copysign(ways, x.flat[np.flatnonzero(x)[0]]), ways)
        return x + 1e-3 * np.where(zero, min(size or 1.0, 1.0), np.abs(x)) * ways

    return _transformed(batch, move, rng)


def at_bounds(batch: Batch, names: Collection[str]) -> list[Batch]:
    """The batch with the integers of those names at the ends of their bounds, the highest and the lowest in turn; where
    one of them has a single entry, which is at one end alone, a second batch begins with the lowest."""

    def alternating(lowest: int) -> Batch:
        def ends(name: str, array: np.ndarray) -> np.ndarray:
            if name not in names:
                return array
            low, high = batch.bounds[name]
            return np.where(np.arange(array.size) % 2 == lowest, low, high - 1).reshape(array.shape).astype(array.dtype)

        return batch.mapped(ends)

    arrays = {**batch.inputs, **batch.targets}
    return [alternating(lowest) for lowest in ((1, 0) if any(arrays[name].size == 1 for name in names) else (1,))]


def _transformed(batch: Batch, transform: Transform, rng: np.random.Generator) -> Batch:
    def changed(array: np.ndarray) -> np.ndarray:
        return by_parts(lambda floats: transform(floats, rng).astype(floats.dtype), array)

    inputs = {name: changed(array) if array.dtype.kind in FLOATING else array for name, array in batch.inputs.items()}
    return replace(batch, inputs=inputs)


def _equal_rows(batch: Batch) -> Batch:
    """Every row of every floating input that has a batch axis is its first."""

    def repeat(name: str, array: np.ndarray) -> np.ndarray:
        axis = batch.axis(name)
        if array.dtype.kind not in FLOATING or axis is None or not array.size:
            return array
        return np.broadcast_to(np.take(array, [0], axis), array.shape)

    return replace(batch, inputs={name: repeat(name, array) for name, array in batch.inputs.items()})


def _redrawn(batch: Batch, rng: np.random.Generator) -> Batch:
    def redraw(name: str, array: np.ndarray) -> np.ndarray:
        if name not in batch.bounds:
            return array
        return other_integers(array, batch.bounds[name], rng)

    return batch.mapped(redraw)


def other_integers(array: np.ndarray, bounds: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """As many of the same dtype, drawn from the half-open range."""
    return rng.integers(*bounds, array.shape).astype(array.dtype)
