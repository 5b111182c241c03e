"""The reference's forward pass: a copy of its module with what enters, called as the pair says."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from compare.arrays.arrays import to_torch
from compare.arrays.aside import Aside
from compare.arrays.batch import Batch, named_leaves
from compare.errors import UsageError, shown
from compare.frameworks.models.modes import Mode
from compare.frameworks.models.references import ReferenceModel
from compare.frameworks.tensors_aside import on_disk
from compare.pair.forward import reference_outputs
from compare.pair.pair import Entering, Pair, cotangent_of, scored
from compare.sides.shelf import make_room
from compare.verdict.precision import Precision
from compare.weights.entry import Sum

Tensors = dict[str, torch.Tensor]
EXPECTED = "expected a dense tensor, or such tensors in tuples, lists and dictionaries (reference_outputs= makes them)"


class Ready(Protocol):
    """What a reference's side is made of: a pair brought together with its port, or one to be recorded alone."""

    @property
    def pair(self) -> Pair: ...
    @property
    def reference(self) -> Any: ...
    @property
    def summed(self) -> tuple[Sum, ...]: ...
    @property
    def buffers(self) -> tuple[str, ...]: ...
    @property
    def constants(self) -> tuple[str, ...]: ...
    @property
    def modes(self) -> tuple[Mode, ...]: ...
    @property
    def aside(self) -> Aside | None: ...


class ReferenceForward:
    """Copies of the pair's module at one precision on one device: the pair's own is never touched."""

    def __init__(
        self,
        prepared: Ready,
        precision: Precision,
        device: torch.device,
        replaced: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """``replaced``: buffers, frozen parameters and attributes of the module by dotted name, with other values."""
        self.prepared, self.pair = prepared, prepared.pair
        self.precision, self.device, self._replaced = precision, device, replaced or {}

    def forward(self, module: nn.Module, batch: Batch, inputs: Tensors, mode: Mode) -> object:
        """The module called as the pair says, its outputs as the pair compares them."""
        return reference_outputs(self.pair, module, batch, inputs, mode, self._wrapper())

    def _wrapper(self) -> nn.Module | None:
        """Of the copy that runs, what is called in its place."""
        return None

    def loss(self, module: nn.Module, batch: Batch, inputs: Tensors, targets: Tensors) -> torch.Tensor:
        """The loss of the module in the pair's first mode; without a loss of its own, the pair's is the outputs times
        their cotangents."""
        outputs = self.forward(module, batch, inputs, self.prepared.modes[0])
        if self.pair.loss is not None:
            return scored(self.pair.loss[0], outputs, list(targets.values()))
        named = {name: one for name, one in tensors_by_name(outputs).items() if has_gradient(one)}
        parts = [torch.sum(one * self.cotangent(name, one)) for name, one in named.items()]
        return sum((part.real if part.is_complex() else part for part in parts), start=torch.zeros(()))

    def cotangent(self, name: str, output: torch.Tensor) -> torch.Tensor:
        """What an output of a pair without a loss is multiplied by."""
        shape, is_complex = tuple(output.shape), output.is_complex()
        return self._tensor(cotangent_of(name, shape, 0, self.precision, is_complex)).conj()

    def load(self, entering: Entering, mode: Mode = None) -> nn.Module:
        """A copy of the module with what enters, in ``mode``."""
        assert isinstance(self.prepared.reference, ReferenceModel)
        make_room(entering.weights)
        module = self.prepared.reference.copy(
            entering.weights | entering.buffers, self.precision, self.device, self._placed
        )
        for name, array in self._replaced.items():
            _put(module, name, self._tensor(array))
        if mode is not None:
            module.train(mode)
        for layer in module.modules():
            if isinstance(layer, nn.RNNBase):
                layer.flatten_parameters()  # cuDNN takes one piece of memory, and warns of copies at every call
                if not layer.training:
                    layer.dropout = 0.0  # cuDNN differentiates a recurrent layer in training mode only
                    layer.train()
        return module

    def _placed(self, tensor: torch.Tensor) -> torch.Tensor:
        """A new parameter where it lies: on disk, of a pair that is verified by module."""
        aside = self.prepared.aside
        return tensor if aside is None else on_disk(tensor, aside)

    def here(self) -> AbstractContextManager[object]:
        """What the model's own code makes without naming a device, ``torch.arange(n)``, is made on the side's, as JAX
        does it: else a model written on a CPU could not be run on a GPU."""
        return nullcontext() if torch.get_default_device().type == self.device.type else self.device

    def batch(self, batch: Batch) -> tuple[Tensors, Tensors]:
        """A batch on the device: its inputs and its targets, by name."""
        inputs = {name: self._tensor(array) for name, array in batch.inputs.items()}
        return inputs, {name: self._tensor(array) for name, array in batch.targets.items()}

    def _constants(self, module: nn.Module) -> Tensors:
        """The floating and complex buffers that the port has no counterpart of."""
        return {
            name: tensor
            for name, tensor in module.named_buffers()
            if name in self.prepared.constants and has_gradient(tensor)
        }

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return to_torch(array, self.precision, self.device)


def tensors_by_name(outputs: object) -> Tensors:
    """The outputs by name; a Python number among them is a tensor too."""
    named: Tensors = {}
    for name, one in named_leaves(outputs, "output"):
        if not isinstance(one, torch.Tensor | bool | int | float | complex):
            raise UsageError(f"the reference returned {shown(one)} as {name}: {EXPECTED}")
        named[name] = torch.as_tensor(one)
        if named[name].layout is not torch.strided or named[name].is_quantized or named[name].is_nested:
            raise UsageError(f"{name} of the reference is sparse, quantized or nested: {EXPECTED}")
    if not named:
        raise UsageError(f"the reference returned {shown(outputs)}: {EXPECTED}")
    return named


def has_gradient(tensor: torch.Tensor) -> bool:
    """Whether it is of floats or complex numbers."""
    return tensor.is_floating_point() or tensor.is_complex()


def _put(module: nn.Module, name: str, tensor: torch.Tensor) -> None:
    """A buffer, a frozen parameter, or a plain attribute, at its dotted name."""
    path, _, last = name.rpartition(".")
    owner = module.get_submodule(path)
    if last in owner._buffers:
        owner._buffers[last] = tensor
    elif last in owner._parameters:
        owner._parameters[last] = nn.Parameter(tensor, requires_grad=False)
    else:
        setattr(owner, last, tensor)
