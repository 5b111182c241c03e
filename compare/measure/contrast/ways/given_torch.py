"""What the ways on PyTorch's side are given: the pair's loss as a function of its parameters, and vectors."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from compare.measure.contrast.ways.given_inputs import GivenInputs
from compare.measure.contrast.ways.vectors import MATRIX, POINT
from compare.pair.pair import Entering
from compare.sides.reference_forward import ReferenceForward, has_gradient, tensors_by_name

Params = dict[str, Any]  # tensors by name


class _Loss(nn.Module):
    """The pair's loss as a module, so that ``functional_call`` can exchange its parameters; ``against``: of a pair
    without a loss what its outputs are multiplied by."""

    def __init__(self, side: ReferenceForward, module: nn.Module, entering: Entering) -> None:
        super().__init__()
        self.module, self._side, self._batch = module, side, entering.batches[0]
        self.against: Params = {}  # a compiler takes tensors that are there, and does not draw any
        if side.pair.loss is None:
            with torch.enable_grad():  # a model may take a gradient; on a copy: running statistics stay as they enter
                outputs = tensors_by_name(
                    side.forward(deepcopy(module), self._batch, side.batch(self._batch)[0], side.prepared.modes[0])
                )
            self.against = {name: side.cotangent(name, one) for name, one in outputs.items() if has_gradient(one)}

    def forward(self, inputs: Params, targets: Params | None) -> Tensor:
        """The loss; without targets the first floating output."""
        if targets is not None and not self.against:
            return self._side.loss(self.module, self._batch, inputs, targets)
        outputs = tensors_by_name(self._side.forward(self.module, self._batch, inputs, self._side.prepared.modes[0]))
        if targets is None:
            return next(one for one in outputs.values() if has_gradient(one))
        if any(outputs[name].shape != against.shape for name, against in self.against.items()):
            return self._side.loss(self.module, self._batch, inputs, targets)  # of some rows alone
        parts = [torch.sum(outputs[name] * against) for name, against in self.against.items()]
        return sum(part.real if part.is_complex() else part for part in parts)  # type: ignore[return-value]


class TorchGiven(GivenInputs[Tensor]):
    """The pair on torch's side.

    Attributes:
        params, inputs, targets: tensors by name. some: the parameters that one of the port's leaves holds.
        module: whose call is the loss. point, matrix: a vector (4,) and a positive matrix (4, 4) for ways of their own.
    """

    def __init__(self, side: ReferenceForward, entering: Entering, some: frozenset[str]) -> None:
        module = side.load(entering, side.prepared.modes[0])
        self.module = _Loss(side, module, entering)
        self.inputs, self.targets = side.batch(entering.batches[0])
        self.params: Params = {
            name: one.detach() for name, one in module.named_parameters() if name in entering.weights
        }
        self.some = some
        dtype = next(iter(self.params.values())).dtype
        self.point, self.matrix = (
            torch.tensor(np.asarray(one), dtype=dtype, device=side.device) for one in (POINT, MATRIX)
        )

    def is_floating(self, one: Tensor) -> bool:
        """Whether it is of floats or complex numbers."""
        return has_gradient(one)

    def loss(self, params: Params, inputs: Params, targets: Params) -> Tensor:
        """A number."""
        return self._call(params, inputs, targets)

    def outputs(self, params: Params, inputs: Params) -> Tensor:
        """The first floating output."""
        return self._call(params, inputs, None)

    def leaves(self) -> Params:
        """The parameters, each a leaf of a new tape."""
        return {name: one.clone().requires_grad_() for name, one in self.params.items()}

    def named_in(self, compiled: nn.Module, leaves: Params) -> Params:
        """The same under the names that they have in what a compiler made of ``module``, whose call is the loss too."""
        prefix = next(name for name, one in compiled.named_modules() if one is self.module.module)
        return {f"{prefix}.{name}": leaf for name, leaf in leaves.items()}

    def _call(self, params: Mapping[str, Any], inputs: Params, targets: Params | None) -> Tensor:
        held = {f"module.{name}": one for name, one in params.items()}
        return torch.func.functional_call(self.module, held, (inputs, targets))
