"""What both sides are fed can be multiplied: not all zero, not all equal, and another batch in every step."""

import numpy as np

from compare.arrays.arrays import Arrays
from compare.arrays.batch import Batch
from compare.measure.bench.gates.observation import Observed

MOST = 0.5  # of the weights: equal ones multiply faster on some machines, and zeros are folded


def inputs(row: Observed, plain: Observed) -> str:
    """Inputs vary within a batch and from batch to batch, and so do the weights."""
    batches = row.entering.batches
    for number, batch in enumerate(batches):
        if constant := _constant(batch):
            return f"inputs: expected values that vary, got {constant} in every entry of batch {number}'s inputs"
    seen = {_bytes(batch) for batch in batches}
    if len(seen) < len(batches) or len(batches) < 2:
        return (
            f"inputs: expected {max(2, len(batches))} distinct batches, got {len(seen)}: batch= is to be a function "
            "that draws with the NumPy generator it is given"
        )
    entries = np.concatenate([np.asarray(array).ravel() for array in row.entering.weights.values()])
    values, counts = np.unique(entries, return_counts=True)
    if counts.max() > MOST * entries.size and entries.size > 1:
        return (
            f"inputs: expected weights that vary, got {float(values[counts.argmax()]):g} in {counts.max():,} of "
            f"{entries.size:,}"
        )
    return ""


def _constant(batch: Batch) -> str:
    """The one value of all floating inputs, or of all whole numbers where none is floating; a mask may be constant
    beside an input that varies."""
    arrays = [array for array in _floating(batch.inputs) or batch.inputs.values() if array.size > 1]
    if not arrays or any(np.ptp(np.asarray(array, np.float64)) > 0 for array in arrays):
        return ""
    return f"{float(arrays[0].flat[0]):g}"


def _floating(arrays: Arrays) -> list[np.ndarray]:
    return [array for array in arrays.values() if np.issubdtype(array.dtype, np.floating)]


def _bytes(batch: Batch) -> bytes:
    return b"".join(
        np.ascontiguousarray(array).tobytes() for array in (*batch.inputs.values(), *batch.targets.values())
    )
