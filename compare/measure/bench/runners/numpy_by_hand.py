"""NumPy by hand: the perceptron's step derived, on flat buffers that are made once."""

from typing import Any

import numpy as np

from compare.arrays.arrays import NUMPY_FLOAT, Arrays
from compare.frameworks.devices import Device
from compare.measure.bench.runner import Looked, Unavailable
from compare.measure.bench.runners.flat_perceptron import Layout, layout_of
from compare.pair.pair import Entering
from compare.pair.prepared import Prepared
from compare.verdict.precision import Precision


class NumpyRunner:
    """One step a call, in place."""

    steps_per_call = 1

    def __init__(
        self, prepared: Prepared, entering: Entering, precision: Precision, device: Device, masked: bool = False
    ) -> None:
        """Raises:
        Unavailable: the pair is no perceptron, or the device or the precision none of NumPy's.
        """
        layout = layout_of(prepared, entering)
        if device.name != "cpu" or precision not in NUMPY_FLOAT:
            raise Unavailable(f"NumPy computes in {precision.name} on the {device.name} neither products nor sums")
        self.layout, self.done = layout, 0
        self.step = _Step(layout, entering.batches[0].rows, np.dtype(NUMPY_FLOAT[precision]))
        self.step.weights[...] = layout.vector(entering.weights)
        self.batches = [_flattened(batch, self.step.weights.dtype) for batch in entering.batches]
        self.mark()

    def call(self, count: int) -> None:
        step, batches = self.step, self.batches
        for _ in range(count):
            self.loss = step(*batches[self.done % len(batches)])
            self.done += 1

    def wait(self) -> None:
        """NumPy has returned when it is done."""

    def mark(self) -> None:
        self._marked = self.step.weights.copy(), self.step.velocity.copy(), self.done

    def restart(self) -> None:
        self.step.weights[...], self.step.velocity[...], self.done = self._marked

    def parameters(self) -> Arrays:
        return self.layout.named(self.step.weights)

    def gradients(self) -> Arrays:
        weights, velocity = self.step.weights.copy(), self.step.velocity.copy()
        self.step(*self.batches[self.done % len(self.batches)])
        self.step.weights[...], self.step.velocity[...] = weights, velocity
        return self.layout.named(self.step.gradient)

    def looked_at(self) -> Looked:
        return Looked("numpy", held=sum(array.nbytes for array in (*self.step.memory, *self.batches[0])))


class _Step:
    """The step, and all memory that it needs: nothing is made while it runs but vectors of a row each."""

    def __init__(self, layout: Layout, rows: int, dtype: Any) -> None:
        self.layout, self.rows = layout, rows
        self.weights, self.gradient, self.velocity, self._scaled = (np.zeros(layout.size, dtype) for _ in range(4))
        parts = layout.slices()
        weights = [self.weights[part].reshape(shape) for part, shape in parts]
        gradients = [self.gradient[part].reshape(shape) for part, shape in parts]
        self.layers = list(zip(weights[::2], weights[1::2], strict=True))
        self.gradients = list(zip(gradients[::2], gradients[1::2], strict=True))
        self.outputs = [np.zeros((rows, width), dtype) for width in layout.widths[1:]]
        self.errors = [np.zeros((rows, width), dtype) for width in layout.widths[1:-1]]
        self.gates = [np.zeros((rows, width), bool) for width in layout.widths[1:-1]]
        self.every = np.arange(rows)

    @property
    def memory(self) -> list[np.ndarray]:
        """All that it writes to, and the numbers of its rows."""
        of_parameters = (self.weights, self.gradient, self.velocity, self._scaled)
        return [*of_parameters, *self.outputs, *self.errors, *self.gates, self.every]

    def __call__(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        inputs, last = [x, *self.outputs[:-1]], len(self.layers) - 1
        for place, ((weight, bias), z) in enumerate(zip(self.layers, self.outputs, strict=True)):
            np.dot(inputs[place], weight.T, out=z)
            z += bias
            if place < last:
                np.maximum(z, 0, out=z)
        z = self.outputs[last]
        z -= z.max(axis=1, keepdims=True)
        picked = z[self.every, y]
        np.exp(z, out=z)
        total = z.sum(axis=1, keepdims=True)
        loss = (np.log(total[:, 0]) - picked).mean()
        total *= self.rows
        z /= total
        z[self.every, y] -= z.dtype.type(1 / self.rows)
        for place in range(last, -1, -1):
            (weight, _), (by_weight, by_bias) = self.layers[place], self.gradients[place]
            np.dot(z.T, inputs[place], out=by_weight)
            np.sum(z, axis=0, out=by_bias)
            if place:
                below, gate = self.errors[place - 1], self.gates[place - 1]
                np.dot(z, weight, out=below)
                np.greater(inputs[place], 0, out=gate)
                below *= gate
                z = below
        self._update()
        return loss

    def _update(self) -> None:
        self.velocity *= self.layout.momentum
        self.velocity += self.gradient
        np.multiply(self.velocity, self.layout.learning_rate, out=self._scaled)
        self.weights -= self._scaled


def _flattened(batch: Any, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    (inputs,), (labels,) = batch.inputs.values(), batch.targets.values()
    return np.ascontiguousarray(inputs.reshape(len(inputs), -1), dtype), labels.astype(np.intp)
