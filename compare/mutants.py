"""Mutants: what proves that a check can fail.

A mutant changes what *enters* the port's run (a weight, a row of the batch, the labels, the cotangent, a
hyper-parameter), never the arrays that come out. So it travels the whole path of a check, and the compiled program
serves it too. Its effect is a real fault: a check that catches none of them is toothless.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from compare.pair import Batch, Entering

SLIGHTLY = 1 + 1e-6


def mutants(entering: Entering) -> dict[str, Entering]:
    """Every mutant that applies to what enters, by name. One that would change nothing is left out."""
    made: dict[str, Entering | None] = {
        "first weight negated": _weight(entering, lambda array: array.ndim > 1, np.negative),
        "first square weight transposed": _weight(
            entering, lambda array: array.ndim == 2 and array.shape[0] == array.shape[1], np.transpose
        ),
        "first bias dropped": _weight(entering, lambda array: array.ndim == 1, np.zeros_like),
        "second row replaced by the first": _batches(entering, _repeat_a_row),
        "labels shifted by one": _batches(entering, _shift_labels),
        "cotangent 1e-6 too large": replace(entering, cotangent=entering.cotangent * SLIGHTLY),
    }
    for name, value in entering.hyper.items():
        made[f"{name} 1e-6 too large"] = (
            None if value == 0 else replace(entering, hyper={**entering.hyper, name: value * SLIGHTLY})
        )
    return {name: mutant for name, mutant in made.items() if mutant is not None}


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
    def repeat(array: np.ndarray) -> np.ndarray:
        array = array.copy()
        array[1] = array[0]
        return array

    first = next(iter(batch.inputs.values()))
    if first.ndim == 0 or first.shape[0] < 2 or np.array_equal(first[0], first[1]):
        return None
    return replace(batch, inputs={name: repeat(array) for name, array in batch.inputs.items()})


def _shift_labels(batch: Batch) -> Batch | None:
    names = [name for name in batch.targets if name in batch.bounds]
    if not names:
        return None
    low, high = batch.bounds[names[0]]
    shifted = (batch.targets[names[0]] - low + 1) % (high - low) + low
    return replace(batch, targets={**batch.targets, names[0]: shifted})
