"""Sees what torch computes below autograd, and rounds it at random where that is asked for."""

from collections.abc import Collection
from functools import partial
from typing import Any

import numpy as np
import torch

from compare.frameworks.dispatch_mode import DispatchMode
from compare.frameworks.islands.last_place import rounded_at_random
from compare.frameworks.islands.lookout import Lookout
from compare.frameworks.islands.seen import tensors_in, widen_tensor
from compare.frameworks.torch_insides import Kernel

WIDE = (torch.float64, torch.complex128)
Result = Any  # a tensor, or a nest of tensors and plain values


class Watch(DispatchMode):
    """Shows ``lookout`` every floating result, in order. Around ``promoted_torch``, so that all of them are wide.

    With ``rng`` each result is rounded to one of the two float32 numbers beside it first, and so are the Python numbers
    that an operation takes.
    """

    def __init__(self, lookout: Lookout | None = None, rng: np.random.Generator | None = None) -> None:
        super().__init__()
        self.lookout, self.rng = lookout, rng

    def __torch_dispatch__(
        self, func: Kernel, types: Collection[type], args: tuple = (), kwargs: dict | None = None
    ) -> Result:
        if self.rng is not None:
            args = tuple(self._number(value) if isinstance(value, float) else value for value in args)
        results = func(*args, **(kwargs or {}))
        for tensor in tensors_in(results):
            if tensor.dtype not in WIDE or tensor.is_meta:
                continue
            if self.rng is not None and not func.is_view:
                tensor.copy_(torch.from_numpy(rounded_at_random(widen_tensor(tensor), self.rng)))
            if self.lookout is not None:
                self.lookout.see(tensor.shape, partial(widen_tensor, tensor))
        return results

    def _number(self, value: float) -> float:
        assert self.rng is not None
        return float(rounded_at_random(np.asarray(value), self.rng))
