"""PyTorch by hand: the perceptron's step derived, on flat buffers that are made once; no tape, no optimizer.

A product can be added to what is there, so that ``v = momentum * v + g`` needs no gradient of its own: the product that
is the gradient goes into the momentum, and no pass over the parameters is spent on it. Matrices lie as (in, out): the
product of the forward pass, which then turns neither of its operands, takes up to half the time of one that does.
"""

from collections.abc import Callable

import torch

from compare.arrays.arrays import Arrays, from_torch, to_torch
from compare.frameworks.devices import Device
from compare.frameworks.steps.torch_costs import bytes_held
from compare.measure.bench.runner import Looked
from compare.measure.bench.runners.flat_perceptron import Layout, layout_of
from compare.pair.pair import Entering
from compare.pair.prepared import Prepared
from compare.verdict.precision import Precision

gated = torch.ops.aten.threshold_backward.grad_input  # what comes through the gates of a ReLU
Layer = tuple[torch.Tensor, torch.Tensor]  # a weight and a bias, or their gradients


class TorchByHandRunner:
    """One step a call, in place."""

    steps_per_call = 1

    def __init__(
        self, prepared: Prepared, entering: Entering, precision: Precision, device: Device, masked: bool = False
    ) -> None:
        """Raises:
        Unavailable: the pair is no perceptron.
        """
        self.layout, self.done, self.device = layout_of(prepared, entering, inputs_first=True), 0, device.torch
        start = to_torch(self.layout.vector(entering.weights), precision, device.torch)
        self.step = _Step(self.layout, start, entering.batches[0].rows)
        self.batches = []
        for batch in entering.batches:
            (inputs,), (labels,) = batch.inputs.values(), batch.targets.values()
            x, y = (to_torch(array, precision, device.torch) for array in (inputs, labels))
            x = x.reshape(len(inputs), -1)
            self.batches.append((x, x.t(), y, y[:, None]))
        self.mark()

    @torch.no_grad()
    def call(self, count: int) -> None:
        step, batches = self.step, self.batches
        for _ in range(count):
            self.loss = step(*batches[self.done % len(batches)])
            self.done += 1

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def mark(self) -> None:
        self._marked = self.step.weights.clone(), self.step.velocity.clone(), self.done

    def restart(self) -> None:
        weights, velocity, self.done = self._marked
        self.step.weights.copy_(weights)
        self.step.velocity.copy_(velocity)

    def parameters(self) -> Arrays:
        return self.layout.named(from_torch(self.step.weights))

    def gradients(self) -> Arrays:
        weights, velocity, done = self.step.weights.clone(), self.step.velocity.clone(), self.done
        self.step.velocity.zero_()
        self.call(1)  # from no momentum, the momentum is the gradient
        gradient = from_torch(self.step.velocity)
        self.step.weights.copy_(weights)
        self.step.velocity.copy_(velocity)
        self.done = done
        return self.layout.named(gradient)

    def looked_at(self) -> Looked:
        def step() -> None:
            self.call(1)

        eager: Callable[[], object] = step
        return Looked("torch", eager=eager, held=bytes_held(self.step.memory, self.batches[:1]))


class _Step:
    """The step, and the memory that it writes to."""

    def __init__(self, layout: Layout, weights: torch.Tensor, rows: int) -> None:
        self.layout, self.weights = layout, weights
        self.velocity = torch.zeros_like(weights)
        self.layers, self.velocities = self._in_layers(weights), self._in_layers(self.velocity)
        self.outputs = [weights.new_empty(rows, width) for width in layout.widths[1:]]
        self.errors = [weights.new_empty(rows, width) for width in layout.widths[1:]]
        self.ones, self.minus_one, self.share = weights.new_ones(rows), weights.new_full((rows, 1), -1), 1 / rows
        # Views, which cost as much to make as a small product.
        self.turned = [weight.t() for weight, _ in self.layers]
        self.outputs_turned, self.errors_turned = ([one.t() for one in kept] for kept in (self.outputs, self.errors))

    @property
    def memory(self) -> list[torch.Tensor]:
        """All that it writes to, and its constants."""
        return [self.weights, self.velocity, *self.outputs, *self.errors, self.ones, self.minus_one]

    def __call__(self, x: torch.Tensor, turned: torch.Tensor, y: torch.Tensor, column: torch.Tensor) -> torch.Tensor:
        """The loss before it. ``turned`` is ``x`` and ``column`` is ``y``, each seen the other way round."""
        last = len(self.layers) - 1
        inputs, inputs_turned = [x, *self.outputs[:-1]], [turned, *self.outputs_turned[:-1]]
        for place, (weight, bias) in enumerate(self.layers):
            z = torch.addmm(bias, inputs[place], weight, out=self.outputs[place])
            if place < last:
                z.relu_()
        z = torch.log_softmax(self.outputs[last], 1, out=self.errors[last])
        loss = torch.nn.functional.nll_loss(z, y)
        z.exp_().scatter_add_(1, column, self.minus_one)  # the mean's 1/n comes with each product
        momentum, share = self.layout.momentum, self.share
        for place in range(last, -1, -1):
            by_weight, by_bias = self.velocities[place]
            by_weight.addmm_(inputs_turned[place], z, beta=momentum, alpha=share)
            by_bias.addmv_(self.errors_turned[place], self.ones, beta=momentum, alpha=share)
            if place:
                below = torch.mm(z, self.turned[place], out=self.errors[place - 1])
                z = gated(below, inputs[place], 0, grad_input=below)
        self.weights.add_(self.velocity, alpha=-self.layout.learning_rate)
        return loss

    def _in_layers(self, vector: torch.Tensor) -> list[Layer]:
        parts = [vector[part].view(shape) for part, shape in self.layout.slices()]
        return list(zip(parts[::2], parts[1::2], strict=True))
