"""The reference's side: one PyTorch module at one precision on one device."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from compare.arrays import from_torch, to_torch
from compare.pair import Batch, Entering, Pair
from compare.precision import Precision
from compare.sides.outputs import named_outputs
from compare.weights import Arrays


class LooseTensors(nn.Module):
    """A function of (dictionary of tensors, *inputs) as a module, so that both kinds of reference run alike."""

    def __init__(self, function: Callable[..., Any], weights: Arrays) -> None:
        super().__init__()
        self.function = function
        for name, array in weights.items():
            self.register_parameter(name, nn.Parameter(torch.empty(array.shape)))

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.function(dict(self.named_parameters()), *inputs)


class ReferenceSide:
    """Runs ``pair.reference`` on a copy of its own: the pair's module is never touched."""

    def __init__(self, pair: Pair, precision: Precision, device: torch.device) -> None:
        self.pair, self.precision, self.device = pair, precision, device
        self.module: nn.Module | None = None
        self.buffers_at_start: dict[str, torch.Tensor] = {}

    def run(self, entering: Entering) -> Arrays:
        """Outputs, loss and every gradient on the first batch, by one ``backward()``."""
        module = self._load(entering.weights)
        inputs, targets = self.batch(entering.batches[0])
        leaves = {name: tensor.requires_grad_() for name, tensor in inputs.items() if tensor.is_floating_point()}
        module.zero_grad()
        outputs = module(*inputs.values())
        loss = self.pair.reference_loss(outputs, *targets.values())
        loss.backward(torch.tensor(entering.cotangent, dtype=loss.dtype, device=self.device))
        grads = {f"grad/{name}": _gradient(parameter) for name, parameter in module.named_parameters()}
        grads |= {f"grad/input.{name}": _gradient(leaf) for name, leaf in leaves.items()}
        tensors = dict(named_outputs(outputs)) | {"loss": loss} | grads
        return {name: from_torch(tensor) for name, tensor in tensors.items()}

    def steps(self, entering: Entering) -> list[Arrays]:
        """One optimizer step on each batch in turn: zero, forward, loss, backward, step."""
        module = self._load(entering.weights)
        optimizer = self.pair.optimizers.reference(module.parameters(), **entering.hyper)
        before, taken = _parameters(module), []
        for batch in entering.batches:
            inputs, targets = self.batch(batch)
            optimizer.zero_grad()
            loss = self.pair.reference_loss(module(*inputs.values()), *targets.values())
            loss.backward()
            optimizer.step()
            after = _parameters(module)
            updates = {f"update/{name}": after[name] - before[name] for name in after}
            taken.append({"loss": from_torch(loss)} | updates)
            before = after
        return taken

    def tensors(self, entering: Entering) -> tuple[nn.Module, dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """The module with its weights loaded, and the first batch's inputs and targets by name."""
        return self._load(entering.weights), *self.batch(entering.batches[0])

    def buffers(self) -> list[str]:
        """The names of the module's buffers."""
        return [] if self.module is None else [name for name, _ in self.module.named_buffers()]

    def _load(self, weights: Arrays) -> nn.Module:
        if self.module is None:
            own = self.pair.reference
            module = copy.deepcopy(own) if isinstance(own, nn.Module) else LooseTensors(own, weights)
            self.module = module.to(self.device, getattr(torch, self.precision.name))
            parameters = dict(self.module.named_parameters(remove_duplicate=False))
            kept = self.module.state_dict().items()
            self.buffers_at_start = {name: tensor.clone() for name, tensor in kept if name not in parameters}
        state = {name: self._tensor(array) for name, array in weights.items()}
        own = dict(self.module.named_parameters(remove_duplicate=False))
        self.module.load_state_dict(dict(self.buffers_at_start) | state, strict=True)
        if set(own) != set(state):
            raise KeyError(f"weights for {sorted(set(own) ^ set(state))[0]}: the module and the weight map disagree")
        return self.module

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return to_torch(array, self.precision, self.device)

    def batch(self, batch: Batch) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """A batch on the device: its inputs and its targets, by name."""
        inputs = {name: self._tensor(array) for name, array in batch.inputs.items()}
        return inputs, {name: self._tensor(array) for name, array in batch.targets.items()}


def _gradient(leaf: torch.Tensor) -> torch.Tensor:
    """What backward() left in ``.grad``; where nothing reached the leaf it left None, and the gradient is zero."""
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad


def _parameters(module: nn.Module) -> Arrays:
    return {name: from_torch(parameter).astype(np.float64) for name, parameter in module.named_parameters()}
