"""Mutants: what proves that a check can fail.

A mutant changes what *enters* the port's run (a weight, a row of the batch, the labels, the cotangent, a
hyper-parameter), never the arrays that come out. So it travels the whole path of a check, and the compiled program
serves it too. Its effect is a real fault: a check that catches none of them is toothless.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from compare.arrays.batch import Batch
from compare.pair.pair import Entering

SLIGHTLY = 1 + 1e-6


def mutants(entering: Entering) -> dict[str, Entering]:
    """Every mutant that applies to what enters, by name. One that would change nothing is left out."""
    every: dict[str, Entering | None] = {
        "first weight negated": _weight(entering, lambda array: array.ndim > 1, np.negative),
        "first square weight transposed": _weight(
            entering, lambda array: array.ndim == 2 and array.shape[0] == array.shape[1], np.transpose
        ),
        "first bias dropped": _weight(entering, lambda array: array.ndim == 1, np.zeros_like),
        "first complex weight conjugated": _weight(entering, np.iscomplexobj, np.conj),
        "second row replaced by the first": _batches(entering, _repeat_a_row),
        "labels shifted by one": _batches(entering, _shift_labels),
        "cotangent 1e-6 too large": replace(entering, cotangent=entering.cotangent * SLIGHTLY),
    }
    for name, value in entering.hyper.items():
        every[f"{name} 1e-6 too large"] = (
            None if value == 0 else replace(entering, hyper={**entering.hyper, name: value * SLIGHTLY})
        )
    return {name: mutant for name, mutant in every.items() if mutant is not None}


def _weight(
    entering: Entering, suits: Callable[[np.ndarray], bool], change: Callable[[np.ndarray], np.ndarray]
) -> Entering | None:
    for name, array in entering.weights.items():
        if suits(array) and not np.array_equal(changed := change(array), array):
            return replace(entering, weights={**entering.weights, name: np.asarray(changed, order="C")})
    return None


def _batches(entering: Entering, change: Callable[[Batch], Batch | None]) -> Entering | None:
    changed = tuple(batch for batch in map(change, entering.batches) if batch is not None)
    return replace(entering, batches=changed) if len(changed) == len(entering.batches) else None


def _repeat_a_row(batch: Batch) -> Batch | None:
    if batch.rows < 2:
        return None
    rows = np.arange(batch.rows)
    rows[1] = 0
    repeated = batch.taking(rows)
    changed = any(not np.array_equal(repeated.inputs[name], array) for name, array in batch.inputs.items())
    return replace(repeated, targets=batch.targets) if changed else None


def _shift_labels(batch: Batch) -> Batch | None:
    """The first bounded integers, targets before inputs, each one further in its range."""
    for name, array in (batch.targets | batch.inputs).items():
        if name in batch.bounds:
            low, high = batch.bounds[name]
            shifted = ((array - low + 1) % (high - low) + low).astype(array.dtype)
            return _with(batch, name, shifted)
    return None


def _with(batch: Batch, name: str, array: np.ndarray) -> Batch:
    return batch.mapped(lambda one, own: array if one == name else own)
