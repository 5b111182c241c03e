"""The reference, replayed into the common form: one forward pass of a copy, operation by operation."""

import copy
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import jax
import numpy as np
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten
from torch.utils.weak import WeakTensorKeyDictionary

from compare.batch import named_leaves
from compare.errors import UsageError
from compare.mapping.torch_ops import run
from compare.mapping.units import Trace, Value
from compare.mapping.walk import Walk


def trace_reference(reference: nn.Module, args: tuple, kwargs: dict) -> Trace:
    """The forward pass of a copy of ``reference`` in evaluation mode (in training mode if that one raises).

    Raises:
        UsageError: the reference raises in both modes.
    """
    first: Exception | None = None
    for training in (False, True):
        module = copy.deepcopy(reference).train(training)
        try:
            return _trace(module, args, kwargs)
        except Exception as error:
            first = first or error
    told = " ".join(str(first).split())
    raise UsageError(f"the reference raises {type(first).__name__} in its forward pass: {told}") from first


def _trace(module: nn.Module, args: tuple, kwargs: dict) -> Trace:
    walk = Walk()
    recorder = _Recorder(walk)
    device = next((tensor.device for tensor in module.parameters()), torch.device("cpu"))
    named = [*module.named_parameters(), *module.named_buffers()]
    for name, tensor in named:
        recorder.values[tensor] = walk.weight(name, tensor.shape)
    inputs: list[torch.Tensor] = []
    given = jax.tree.map(lambda leaf: _tensor(leaf, device, inputs), (args, kwargs))
    for tensor in inputs:
        recorder.values[tensor] = walk.input(tensor.shape)
    with _plain_kernels(), torch.no_grad(), recorder:
        result = module(*given[0], **given[1])
    outputs = {
        name: recorder.value(item) for name, item in named_leaves(result, "output") if isinstance(item, torch.Tensor)
    }
    return Trace(walk, tuple(recorder.values[tensor] for tensor in inputs), outputs)


class _Recorder(TorchDispatchMode):
    """Hands every operation to the walk. Composite ones have fallen apart before they get here."""

    def __init__(self, walk: Walk) -> None:
        super().__init__()
        self.walk = walk
        self.values: Any = WeakTensorKeyDictionary()

    def __torch_dispatch__(self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        values, named = _replaced(args, self.value), _replaced(kwargs, self.value)
        result = function(*args, **kwargs)
        outs = [out for out in tree_flatten(result)[0] if isinstance(out, torch.Tensor)]
        name = function.overloadpacket.__name__
        if name in ("copy_", "index_put_", "scatter_", "masked_scatter_"):
            self._write(args[0], values)
        elif outs:
            for out, value in zip(outs, run(self.walk, name, values, named, outs), strict=False):
                self.values[out] = value
        return result

    def value(self, tensor: torch.Tensor) -> Value:
        if tensor not in self.values:
            self.values[tensor] = self.walk.constant(tensor.shape)
        return self.values[tensor]

    def _write(self, target: torch.Tensor, values: Any) -> None:
        """Something was written into ``target``, and into what it is a view of."""
        seen = [value for value in tree_flatten(values)[0] if isinstance(value, Value)]
        if seen[0].units:
            return
        self.values[target] = self.walk.written(seen[0], seen[1:], along=len(seen) == 2)
        if target._base is not None and not self.value(target._base).units:
            self.values[target._base] = self.walk.written(self.value(target._base), seen, along=False)


def _replaced(item: Any, value: Any) -> Any:
    if isinstance(item, torch.Tensor):
        return value(item)
    if isinstance(item, list | tuple):
        return [_replaced(one, value) for one in item]
    if isinstance(item, dict):
        return {key: _replaced(one, value) for key, one in item.items()}
    return item


def _tensor(leaf: Any, device: torch.device, inputs: list[torch.Tensor]) -> Any:
    if isinstance(leaf, np.ndarray | np.generic):
        inputs.append(torch.tensor(np.array(leaf), device=device))
        return inputs[-1]
    return leaf


@contextmanager
def _plain_kernels() -> Iterator[None]:
    """No fused kernels: attention and recurrent layers fall apart into products."""
    fast = torch.backends.mha.get_fastpath_enabled()
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(torch.backends.mkldnn.flags(enabled=False))
        stack.enter_context(torch.backends.cudnn.flags(enabled=False))
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast)
