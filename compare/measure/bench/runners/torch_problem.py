"""What a training step of the reference is made of, on the device: the module, its optimizer, its batches, its loss."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from compare.arrays.arrays import Arrays, from_torch, wide
from compare.arrays.batch import Batch
from compare.frameworks.devices import Device
from compare.frameworks.models.modes import mode_arguments
from compare.measure.bench.runner import Unavailable
from compare.measure.bench.runners.dropouts import drops_out
from compare.pair.adapters import called
from compare.pair.pair import Entering, cotangent_of
from compare.pair.prepared import Prepared
from compare.sides.reference_forward import ReferenceForward, tensors_by_name
from compare.verdict.precision import Precision


class OnDevice(NamedTuple):
    """A batch as the step takes it. What the pair makes of the inputs for this side is made once, before the clock."""

    args: tuple
    kwargs: dict[str, Any]
    targets: tuple[torch.Tensor, ...]


class TorchProblem:
    """A copy of the pair's module with what enters, in the mode that is trained, and the pair's optimizer over it."""

    def __init__(self, prepared: Prepared, entering: Entering, precision: Precision, device: Device) -> None:
        side, self.device = ReferenceForward(prepared, precision, device.torch), device.torch
        self.side, self.pair, self.entering, self.precision = side, prepared.pair, entering, precision
        self.module = side.load(_collected(prepared, entering), prepared.modes[0])
        self.gradient_masks = self._frozen_parts(prepared)
        training = prepared.pair.training()
        assert training is not None
        self.optimizer: torch.optim.Optimizer = training.reference(list(self.module.parameters()), **entering.hyper)
        self.draws = drops_out(prepared, entering, device)
        self._mode = prepared.modes[0]
        self._floating = self._floating_outputs() if prepared.pair.loss is None else ()
        self.batches = [self._given(batch) for batch in entering.batches]

    def loss(self, given: OnDevice) -> torch.Tensor:
        """The loss of the module on one batch, as a training loop writes it."""
        return self.scored(self.module(*given.args, **given.kwargs), given)

    def scored(self, outputs: Any, given: OnDevice) -> torch.Tensor:
        """The pair's loss of what the module returned; without one, the outputs times their cotangents."""
        if self.pair.reference_outputs is not None:
            outputs = self.pair.reference_outputs(outputs)
        if self.pair.loss is not None:
            return self.pair.loss[0](outputs, *given.targets)
        named = tensors_by_name(outputs)
        parts = [(named[name] * against).sum() for name, against in zip(self._floating, given.targets, strict=True)]
        return torch.stack(parts).sum() if len(parts) > 1 else parts[0]

    def parameters(self) -> Arrays:
        """In float64, under the reference's names: those that train."""
        return self.named({name: parameter.detach() for name, parameter in self.module.named_parameters()})

    def gradients(self) -> Arrays:
        """What ``.grad`` holds, likewise; where nothing reached a parameter, zero."""
        own = self.module.named_parameters()
        # That of an embedding may be sparse.
        return self.named({name: torch.zeros_like(p) if p.grad is None else p.grad.to_dense() for name, p in own})

    def named(self, tensors: Mapping[str, torch.Tensor]) -> Arrays:
        return {name: wide(from_torch(tensors[name])) for name in self.entering.weights}

    def tensors(self) -> dict[str, torch.Tensor]:
        """Everything that a step may change in the module."""
        return {**dict(self.module.named_parameters()), **dict(self.module.named_buffers())}

    def _given(self, batch: Batch) -> OnDevice:
        inputs, targets = self.side.batch(batch)
        args, kwargs = called(self.pair.reference_inputs, *batch.call(inputs))
        kwargs = {**kwargs, **mode_arguments(self.module.forward, self._mode, kwargs)}
        if self.pair.loss is not None:
            return OnDevice(args, kwargs, tuple(targets.values()))
        against = [torch.tensor(array, device=self.device) for array in self._cotangents().values()]
        return OnDevice(args, kwargs, tuple(one.to(getattr(torch, self.precision.name)) for one in against))

    def _floating_outputs(self) -> tuple[str, ...]:
        batch = self.entering.batches[0]
        inputs, _ = self.side.batch(batch)
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            outputs = self.side.forward(self.side.load(self.entering, self._mode), batch, inputs, self._mode)
        floating = {name: one for name, one in tensors_by_name(outputs).items() if one.is_floating_point()}
        self._shapes = {name: tuple(one.shape) for name, one in floating.items()}
        return tuple(floating)

    def _cotangents(self) -> dict[str, np.ndarray]:
        return {name: cotangent_of(name, self._shapes[name], 0, self.precision) for name in self._floating}

    def _frozen_parts(self, prepared: Prepared) -> dict[str, torch.Tensor]:
        """Of every two parameters that the port holds as their sum, only the first trains: of the second by name,
        1 where its gradient is kept."""
        masks: dict[str, torch.Tensor] = {}
        own = dict(self.module.named_parameters())
        for summed in prepared.summed:
            kept = summed.kept(tuple(own[summed.second].shape))
            if kept.any():
                dtype = own[summed.second].dtype
                masks[summed.second] = torch.tensor(kept, device=self.device).to(dtype)
                own[summed.second].register_hook(partial(torch.mul, masks[summed.second]))
            else:
                own[summed.second].requires_grad_(False)
        return masks


def with_options(optimizer: torch.optim.Optimizer, **options: bool) -> None:
    """Set an option of the optimizer's own in every group of parameters.

    Raises:
        Unavailable: it does not know the option.
    """
    for group in optimizer.param_groups:
        if missing := [name for name in options if name not in group]:
            raise Unavailable(f"{type(optimizer).__name__} has no {missing[0]}=")
        group.update(options)


def _collected(prepared: Prepared, entering: Entering) -> Entering:
    """What enters with every two parameters that the port holds as their sum collected in the first."""
    pairs = prepared.summed
    wide = {name: entering.weights[name].astype(np.float64) for one in pairs for name in (one.first, one.second)}
    for one in pairs:
        one.collect(wide)
    return replace(entering, weights=entering.weights | wide)
