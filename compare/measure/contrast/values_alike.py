"""Whether two arrays hold the same values in some layout, and whether one is only moved from another."""

from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np

from compare.explain.locate.shown_by import layouts
from compare.measure.contrast.thresholds import FEW, FILL, LAYOUTS, SAME


@dataclass(frozen=True, eq=False)
class Contents:
    """An array as what it holds, wherever each entry lies."""

    array: np.ndarray

    @cached_property
    def ordered(self) -> np.ndarray:
        """Its entries in order, flat, at float64; of complex numbers the sizes."""
        flat = np.abs(self.array).ravel() if self.array.dtype.kind == "c" else self.array.ravel()
        return np.sort(_filled(flat).astype(np.float64))

    @cached_property
    def scale(self) -> float:
        """The largest entry that is no fill."""
        sizes = np.abs(self.ordered)
        return float(np.max(sizes[sizes < FILL], initial=0.0))

    @property
    def is_constant(self) -> bool:
        """Whether all entries are one number, or there is but one."""
        return not self.array.size or bool(self.ordered[0] == self.ordered[-1])

    @cached_property
    def is_few(self) -> bool:
        """Whether it holds hardly anything that tells it from others."""
        steps = np.diff(self.ordered) > SAME * max(self.scale, np.finfo(float).tiny)
        return self.array.size > 1 and int(np.count_nonzero(steps)) < FEW


def _filled(array: np.ndarray) -> np.ndarray:
    """With what stands for infinity alike on both sides."""
    return np.nan_to_num(np.clip(array, -FILL, FILL)) if array.dtype.kind == "f" else array


def alike(one: Contents, other: Contents, tolerance: float = SAME) -> bool:
    """Whether both hold the same entries; where these are few, in the same places of some layout."""
    truths = [each.array.dtype.kind == "b" for each in (one, other)]
    if one.array.size != other.array.size or not one.array.size or truths[0] != truths[1]:
        return False
    scale = max(one.scale, other.scale)
    if not np.all(np.abs(one.ordered - other.ordered) <= tolerance * scale):
        return False
    if not one.is_few or one.is_constant:
        return True
    fitting = islice(layouts(one.array.shape, other.array.shape), LAYOUTS)
    mine, its = _filled(one.array), _filled(other.array)
    return any(np.allclose(layout.to_reference(its), mine, rtol=0, atol=tolerance * scale) for layout in fitting)


def is_moved(operand: Contents, result: Contents) -> bool:
    """Whether a result is its operand again, entries elsewhere, or each as often as every other."""
    size, other = operand.array.size, result.array.size
    if not size or other % size or (operand.array.dtype.kind == "b") != (result.array.dtype.kind == "b"):
        return False
    repeated = np.repeat(operand.ordered, other // size)
    return bool(np.all(np.abs(repeated - result.ordered) <= SAME * max(operand.scale, result.scale)))
