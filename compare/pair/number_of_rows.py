"""Any pair with more rows in its batch, or fewer."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from compare.arrays.batch import Batch
from compare.errors import UsageError
from compare.pair.pair import Pair

DRAWS = 64  # of the pair's own recipe at most: from there on rows come again


def with_rows(pair: Pair, rows: int) -> Pair:
    """``pair`` with batches of ``rows`` rows: so many from its own recipe, drawn as often as it takes; beyond what
    ``DRAWS`` of them hold, with repetition, and so of a pair that has one batch alone.

    Raises:
        UsageError: it has no batch axis, or fewer rows than one were asked for.
    """
    if rows < 1:
        raise UsageError(f"rows: expected at least 1, got {rows}")

    def draw(rng: np.random.Generator) -> Batch:
        first = pair.draw(rng)
        if not first.rows:
            raise UsageError(f"pair {pair.name}: it has no batch axis along which its rows could be more")
        if not callable(pair.batch):
            return first.taking(rng.integers(0, first.rows, rows))
        drawn = [first, *(pair.draw(rng) for _ in range(min(DRAWS, -(-rows // first.rows)) - 1))]
        whole = joined(drawn)
        if whole.rows >= rows:
            return whole.taking(slice(0, rows))
        return whole.taking(rng.integers(0, whole.rows, rows))

    return replace(pair, batch=draw, batch_axes=0, bounds={})


def joined(batches: Sequence[Batch]) -> Batch:
    """One batch of the rows of all; what has no rows is the first's."""
    first, rows = batches[0], batches[0].rows

    def join(name: str, array: np.ndarray) -> np.ndarray:
        axis = first.axis(name)
        if axis is None or array.shape[axis] != rows:
            return array
        return np.concatenate([{**batch.inputs, **batch.targets}[name] for batch in batches], axis)

    return first.mapped(join)
