"""One model in training, on one side at one precision: a batch in, the loss out, and its parameters in NumPy.

Both classes call the training code that the reader reads, ``torchref.train`` and ``jaxport.train``, and add nothing.
"""

import copy
from contextlib import AbstractContextManager

import jax
import numpy as np
import torch
from flax import linen

import jaxport.train
import torchref.train
from compare.arrays import from_jax, from_torch, to_jax, to_torch
from compare.devices import Device
from compare.pair import Pair
from compare.precision import FLOAT64, Precision
from compare.weights import Arrays


class ReferenceTrainee:
    """The reference, stepped by ``torchref.train.train_step``."""

    def __init__(self, pair: Pair, weights: Arrays, precision: Precision, device: Device) -> None:
        self.precision, self.device = precision, device.torch
        self.model: torch.nn.Module = copy.deepcopy(pair.reference).to(self.device, getattr(torch, precision.name))
        self.model.load_state_dict({name: self._tensor(array) for name, array in weights.items()}, strict=True)
        self.optimizer = pair.optimizers.reference(self.model.parameters(), **pair.optimizers.hyper)

    def step(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """One optimizer step; the loss before it."""
        loss = torchref.train.train_step(self.model, self.optimizer, self._tensor(images), self._tensor(labels))
        return from_torch(loss)

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        return _share(float(torchref.train.evaluate(self.model, self._tensor(images), self._tensor(labels))), labels)

    def parameters(self) -> Arrays:
        """A copy in float64, under the reference's names."""
        return {name: from_torch(tensor).astype(np.float64) for name, tensor in self.model.named_parameters()}

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return to_torch(array, self.precision, self.device)


class PortTrainee:
    """The port, stepped by ``jaxport.train.train_step``: a loop that rebinds what a pure function returns."""

    def __init__(self, pair: Pair, weights: Arrays, precision: Precision, device: Device) -> None:
        self.precision, self.device, self.weight_map = precision, device.jax, pair.weight_map
        self.model: linen.Module = pair.port
        self.optimizer = pair.optimizers.port(**pair.optimizers.hyper)
        with self._x64():
            self.params = jax.tree.map(self._array, self.weight_map.to_port(weights))
            # On the device like the parameters, or the first step's program would serve the first step only.
            self.state = jax.device_put(jax.jit(self.optimizer.init)(self.params), self.device)

    def step(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """One optimizer step; the loss before it."""
        with self._x64():
            self.params, self.state, loss = jaxport.train.train_step(
                self.model, self.optimizer, self.params, self.state, self._array(images), self._array(labels)
            )
            return from_jax(loss)

    def accuracy(self, images: np.ndarray, labels: np.ndarray) -> float:
        with self._x64():
            share = jaxport.train.evaluate(self.model, self.params, self._array(images), self._array(labels))
        return _share(float(share), labels)

    def parameters(self) -> Arrays:
        """A copy in float64, under the reference's names and in its layout."""
        with self._x64():
            named = self.weight_map.to_reference(jax.tree.map(from_jax, self.params))
        return {name: array.astype(np.float64) for name, array in named.items()}

    def _array(self, array: np.ndarray) -> jax.Array:
        return to_jax(array, self.precision, self.device)

    def _x64(self) -> AbstractContextManager:
        return jax.enable_x64(self.precision is FLOAT64)


def _share(share: float, labels: np.ndarray) -> float:
    """The share of hits again as the quotient it is: float32 holds no 0.902, and the sides would seem to differ."""
    return round(share * len(labels)) / len(labels)
