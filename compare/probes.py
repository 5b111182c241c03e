"""Probes: batches on which a port that agrees on ordinary data can still differ.

A probe transforms the pair's own batch along its batch axis (0). It touches floating inputs only; integers are
redrawn within their declared bounds. The probes of ``FULL`` keep the batch's shape, so all of them run through one
compiled program; those of ``OTHER`` change the number of rows, and each compiles anew.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from compare.pair import Batch
from compare.precision import Precision

Transform = Callable[[np.ndarray, np.random.Generator], np.ndarray]

BASE = "batch"

FULL: dict[str, Transform] = {
    "normal": lambda x, rng: rng.standard_normal(x.shape),
    "zeros": lambda x, rng: np.zeros_like(x),
    "ties": lambda x, rng: rng.integers(-1, 2, x.shape).astype(x.dtype),
    "offset": lambda x, rng: x + 1000,
    "saturated": lambda x, rng: 1000 * rng.standard_normal(x.shape),
    "tiny_variance": lambda x, rng: 1 + 1e-3 * rng.standard_normal(x.shape),
    "equal_rows": lambda x, rng: np.broadcast_to(x[:1], x.shape),
}
OTHER: dict[str, int] = {"one_row": 1, "empty": 0}


def full_batches(batch: Batch, precision: Precision, seed: int) -> dict[str, Batch]:
    """The default probes of ``batch``, each with its shapes."""
    transforms = FULL | {"subnormal": lambda x, rng: precision.smallest_normal / 8 * rng.standard_normal(x.shape)}
    rngs = np.random.default_rng(seed).spawn(len(transforms))
    return {
        name: _redrawn(_transformed(batch, transform, rng), rng)
        for (name, transform), rng in zip(transforms.items(), rngs, strict=True)
    }


def other_sizes(batch: Batch) -> dict[str, Batch]:
    """The same batch cut to one row and to none."""
    return {
        name: replace(
            batch,
            inputs={key: array[:rows] for key, array in batch.inputs.items()},
            targets={key: array[:rows] for key, array in batch.targets.items()},
        )
        for name, rows in OTHER.items()
    }


def perturbed(batch: Batch, rng: np.random.Generator) -> Batch:
    """``batch`` with every floating input moved by a thousandth of its own size (of 1 where it is zero)."""

    def move(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        size = float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) if x.size else 0.0
        return x + 1e-3 * (size or 1.0) * rng.standard_normal(x.shape)

    return _transformed(batch, move, rng)


def _transformed(batch: Batch, transform: Transform, rng: np.random.Generator) -> Batch:
    inputs = {
        name: transform(array, rng).astype(array.dtype) if array.dtype.kind == "f" else array
        for name, array in batch.inputs.items()
    }
    return replace(batch, inputs=inputs)


def _redrawn(batch: Batch, rng: np.random.Generator) -> Batch:
    def redraw(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {
            name: rng.integers(*batch.bounds[name], array.shape).astype(array.dtype) if name in batch.bounds else array
            for name, array in arrays.items()
        }

    return replace(batch, inputs=redraw(batch.inputs), targets=redraw(batch.targets))
