"""The reference with each result rounded: a dispatch mode around forward and backward pass."""

from collections.abc import Collection
from typing import Any

import torch
from torch.utils._pytree import tree_map

from compare.frameworks.dispatch_mode import DispatchMode
from compare.frameworks.torch_insides import Kernel, schema_of
from compare.verdict.precision import FLOAT64

Result = Any  # a tensor, or a nest of tensors and plain values


class RoundedTorch(DispatchMode):
    """Rounds what every operation makes in float64 (complex128) to ``bits`` of the significand, the nearest.

    What is equal stays equal and what is ordered stays so: a selection (a maximum, a sort, an index) is that of the
    values it gets. Whatever holds no more than ``bits`` is left in every bit: weights and inputs of a working
    precision, masks, infinities.
    """

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits

    def __torch_dispatch__(
        self, func: Kernel, types: Collection[type], args: tuple = (), kwargs: dict | None = None
    ) -> Result:
        results = func(*args, **(kwargs or {}))
        if func.is_view:  # numbers that were rounded when they were made
            return results
        if schema_of(func).is_mutable:  # written where somebody else holds it
            return tree_map(self._in_place, results)
        return tree_map(self._rounded, results)

    def _rounded(self, leaf: object) -> object:
        return rounded(leaf, self.bits) if isinstance(leaf, torch.Tensor) else leaf

    def _in_place(self, leaf: object) -> object:
        if isinstance(leaf, torch.Tensor):
            made = rounded(leaf, self.bits)
            return leaf if made is leaf else leaf.copy_(made)
        return leaf


def rounded(tensor: torch.Tensor, bits: int) -> torch.Tensor:
    """A float64 or complex128 tensor rounded to the nearest number of ``bits``; any other as it is. What would
    overflow stays."""
    if tensor.dtype == torch.complex128:
        return torch.view_as_complex(rounded(torch.view_as_real(tensor.resolve_conj()).contiguous(), bits))
    if tensor.dtype != torch.float64 or tensor.layout != torch.strided:
        return tensor
    lost = FLOAT64.bits - bits
    held = tensor.resolve_neg().view(torch.int64)
    nearest = ((held + (1 << (lost - 1))) & -(1 << lost)).view(torch.float64)
    return torch.where(torch.isfinite(nearest), nearest, tensor)
