"""One model in training, on one side at one precision: a batch in, the loss out, and its parameters in NumPy.

Both classes call the training code that the reader reads, ``torchref.train`` and ``jaxport.train``, and add nothing.
"""

import copy
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import jax
import numpy as np
import torch

import jaxport.features
import jaxport.train
import torchref.features
import torchref.train
from compare.arrays.arrays import Arrays, from_jax, from_torch, to_jax, to_torch
from compare.frameworks.devices import Device
from compare.pair.prepared import Prepared
from compare.pair.scaled import Scaled
from compare.pair.stepped import schedulers_of
from compare.verdict.precision import FLOAT64, Precision
from jaxport.optimizers.scaling import LossScale


class ReferenceTrainee:
    """The reference, stepped by ``torchref.train.train_step``."""

    def __init__(self, prepared: Prepared, weights: Arrays, precision: Precision, device: Device) -> None:
        self.precision, self.device = precision, device.torch
        self.model: torch.nn.Module = copy.deepcopy(prepared.pair.reference).to(
            self.device, getattr(torch, precision.name)
        )
        self.model.load_state_dict({name: self._tensor(array) for name, array in weights.items()}, strict=True)
        training = prepared.pair.training()
        assert training is not None
        self.optimizer = training.reference(self.model.parameters(), **training.hyper)
        self.scaler, self.max_norm = None, 0.0
        if isinstance(training, Scaled):
            self.scaler = torch.amp.GradScaler(
                self.device.type, training.scale, growth_interval=training.growth_interval
            )
            self.max_norm = training.max_norm

    def step(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """One optimizer step; the loss before it."""
        batch = self._tensor(images), self._tensor(labels)
        if self.scaler is None:
            return from_torch(torchref.train.train_step(self.model, self.optimizer, *batch))
        return from_torch(torchref.features.scaled_step(self.model, self.optimizer, self.scaler, *batch, self.max_norm))

    def scale(self) -> np.ndarray | None:
        """By how much the next step's loss is scaled; None where it is not."""
        return None if self.scaler is None else np.array(self.scaler.get_scale())

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        return _share(float(torchref.train.evaluate(self.model, self._tensor(images), self._tensor(labels))), labels)

    def parameters(self) -> Arrays:
        """A copy in float64, under the reference's names."""
        return {name: from_torch(tensor).astype(np.float64) for name, tensor in self.model.named_parameters()}

    def held(self) -> Arrays:
        """All that its next steps depend on, as the bytes of one file of ``torch.save``."""
        buffer = io.BytesIO()
        schedulers = [scheduler.state_dict() for scheduler in schedulers_of(self.optimizer)]
        scale = None if self.scaler is None else self.scaler.state_dict()
        torch.save((self.model.state_dict(), self.optimizer.state_dict(), schedulers, scale), buffer)
        return {"state": np.frombuffer(buffer.getvalue(), np.uint8)}

    def go_on(self, held: Arrays) -> None:
        """Stand where ``held`` says.

        Raises:
            ValueError: it is no such state, or another model's or optimizer's; nothing of this run can be used then.
        """
        stored = io.BytesIO(held["state"].tobytes())
        model, optimizer, schedulers, scale = torch.load(stored, map_location=self.device, weights_only=True)
        self.model.load_state_dict(model)
        self.optimizer.load_state_dict(optimizer)
        # torch rounds to the parameters' dtype what it loads: NAdam's product of momenta is of another one.
        own = [one for group in self.optimizer.param_groups for one in group["params"]]
        for place, slots in optimizer["state"].items():
            self.optimizer.state[own[place]] = dict(slots)
        for scheduler, state in zip(schedulers_of(self.optimizer), schedulers, strict=True):
            scheduler.load_state_dict(state)
        if self.scaler is not None:
            self.scaler.load_state_dict(scale)

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return to_torch(array, self.precision, self.device)


class PortTrainee:
    """The port, stepped by ``jaxport.train.train_step``: a loop that rebinds what a pure function returns."""

    def __init__(self, prepared: Prepared, weights: Arrays, precision: Precision, device: Device) -> None:
        self.precision, self.device, self.prepared = precision, device.jax, prepared
        self.model = prepared.pair.port
        training = prepared.pair.training()
        assert training is not None
        self.optimizer = training.port(**training.hyper)
        self._step, self._evaluate = compiled(self.model, self.optimizer)
        self.scaling: LossScale | None = None
        if isinstance(training, Scaled):
            self.scaling = jax.device_put(LossScale.of(training.scale, training.growth_interval), self.device)
            self._step = jax.jit(partial(jaxport.features.scaled_step, self.model, self.optimizer))
        with self.in_its_precision():
            leaves = prepared.weight_map.to_port(weights, prepared.leaves)
            self.params = jax.tree.map(self._array, prepared.port.tree(leaves))
            # On the device like the parameters, or the first step's program would serve the first step only.
            self.state = jax.device_put(jax.jit(self.optimizer.init)(self.params), self.device)

    def step(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """One optimizer step; the loss before it."""
        with self.in_its_precision():
            batch = self._array(images), self._array(labels)
            if self.scaling is None:
                self.params, self.state, loss = self._step(self.params, self.state, *batch)
            else:
                held = self.state, self.scaling
                self.params, (self.state, self.scaling), loss = self._step(self.params, held, *batch)
            return from_jax(loss)

    def scale(self) -> np.ndarray | None:
        """By how much the next step's loss is scaled; None where it is not."""
        return None if self.scaling is None else from_jax(self.scaling.scale)

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        with self.in_its_precision():
            share = self._evaluate(self.params, self._array(images), self._array(labels))
        return _share(float(share), labels)

    def parameters(self) -> Arrays:
        """A copy in float64, under the reference's names and in its layout."""
        with self.in_its_precision():
            leaves = {path: from_jax(leaf) for path, leaf in self.prepared.port.flat(self.params).items()}
            named = self.prepared.weight_map.to_reference(leaves, self.prepared.shapes, values=True)
        return {name: array.astype(np.float64) for name, array in named.items()}

    def held(self) -> Arrays:
        """All that its next steps depend on: the leaves of parameters, of the optimizer's state and of the scale, in
        order."""
        with self.in_its_precision():
            leaves = jax.tree.leaves((self.params, self.state, self.scaling))
            return {str(place): np.array(leaf) for place, leaf in enumerate(leaves)}

    def go_on(self, held: Arrays) -> None:
        """Stand where ``held`` says.

        Raises:
            ValueError: it is no such state, or another model's or optimizer's; nothing is changed then.
        """
        leaves, structure = jax.tree.flatten((self.params, self.state, self.scaling))
        given = [held[str(place)] for place in range(len(leaves))]
        if len(held) != len(leaves) or any(a.shape != b.shape for a, b in zip(given, leaves, strict=True)):
            raise ValueError("arrays of another number or of other shapes")
        with self.in_its_precision():
            self.stand(*jax.tree.unflatten(structure, given))

    def stand(self, params: Any, state: Any, scaling: LossScale | None = None) -> None:
        """Go on from these parameters, this state of the optimizer and this scale of the loss, on the device."""
        with self.in_its_precision():
            self.params, self.state, self.scaling = jax.device_put((params, state, scaling), self.device)

    def _array(self, array: np.ndarray) -> jax.Array:
        return to_jax(array, self.precision, self.device)

    @contextmanager
    def in_its_precision(self) -> Iterator[None]:
        """In float64 where it is; and with JAX's standard promotion, without which optax's Adam does not run."""
        with jax.enable_x64(self.precision is FLOAT64), jax.numpy_dtype_promotion("standard"):
            yield


def compiled(model: Any, optimizer: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """``train_step`` and ``evaluate``, compiled with the port and its optimizer bound, which hold no arrays."""
    return jax.jit(partial(jaxport.train.train_step, model, optimizer)), jax.jit(partial(jaxport.train.evaluate, model))


def _share(share: float, labels: np.ndarray) -> float:
    """The share of hits again as the quotient it is: float32 holds no 0.902, and the sides would seem to differ."""
    return round(share * len(labels)) / len(labels)
