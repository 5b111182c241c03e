"""The ways to run one training step. Each is built alike for any pair, and runs on batches that lie on the device."""

import logging
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import jax
import numpy as np
import optax
import torch

from compare.arrays.arrays import Arrays, from_torch, wide
from compare.frameworks.devices import Device
from compare.pair.pair import Entering
from compare.pair.prepare import Prepared
from compare.sides.port import PortSide
from compare.sides.port_forward import as_torch_has_it
from compare.sides.reference import ReferenceSide
from compare.verdict.precision import FLOAT64, Precision

Tree = Any
Carried = tuple[Tree, Tree, Tree]  # parameters, other leaves, optimizer state


class Runner(Protocol):
    """A variant, built: its state moves on with every call.

    Attributes:
        steps_per_call: training steps that one call makes.
    """

    steps_per_call: int

    def call(self, count: int) -> None:
        """Make ``count`` calls, each on the next batch, without waiting for the device."""

    def wait(self) -> None:
        """Until everything that was called is done."""

    def parameters(self) -> Arrays:
        """In float64, under the reference's names."""


class TorchRunner:
    """The five beats on one batch after another; ``compile_`` wraps the step."""

    steps_per_call = 1

    def __init__(
        self,
        prepared: Prepared,
        entering: Entering,
        precision: Precision,
        device: Device,
        compile_: Callable = lambda step: step,
    ) -> None:
        side = ReferenceSide(prepared, precision, device.torch)
        module, training = side.load(entering, prepared.modes[0]), prepared.pair.training()
        assert training is not None
        optimizer = training.reference(list(module.parameters()), **entering.hyper)
        self.module, self.device, self.done = module, device.torch, 0
        self.batches = [side.batch(batch) for batch in entering.batches]
        form = entering.batches[0]

        def step(inputs: dict[str, torch.Tensor], targets: dict[str, torch.Tensor]) -> torch.Tensor:
            optimizer.zero_grad()
            loss = side.loss(module, form, inputs, targets)
            loss.backward()
            optimizer.step()
            return loss

        self.step = compile_(step)

    def call(self, count: int) -> None:
        for _ in range(count):
            self.step(*self.batches[self.done % len(self.batches)])
            self.done += 1

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def parameters(self) -> Arrays:
        named = self.module.named_parameters()
        return {name: wide(from_torch(parameter)) for name, parameter in named}


class JaxRunner:
    """A pure step whose results are bound again; ``wrap`` is ``jax.jit``, or nothing for op by op."""

    steps_per_call = 1

    def __init__(
        self, prepared: Prepared, entering: Entering, precision: Precision, device: Device, wrap: Callable
    ) -> None:
        self.side, self.x64, self.done = PortSide(prepared, precision, device.jax), precision is FLOAT64, 0
        training, self.form, self.entering = prepared.pair.training(), entering.batches[0], entering
        assert training is not None
        with jax.enable_x64(self.x64):
            self.optimizer = training.port(**entering.hyper)
            self.params, self.rest = self.side.tree(self.side.leaves(entering))
            self.state = jax.device_put(jax.jit(self.optimizer.init)(self.params), device.jax)
            self.batches = self._resident([self.side.batch(batch) for batch in entering.batches])
        self.step = wrap(self._step)

    def call(self, count: int) -> None:
        with jax.enable_x64(self.x64):
            for _ in range(count):
                batch = self.batches[self.done % len(self.batches)]
                carried, self.loss = self.step((self.params, self.rest, self.state), batch)
                self.params, self.rest, self.state = carried
                self.done += 1

    def wait(self) -> None:
        jax.block_until_ready((self.params, self.state, self.loss))

    def parameters(self) -> Arrays:
        with jax.enable_x64(self.x64):
            return self.side.parameters(self.side.prepared.port.flat(self.params), self.entering)

    def _resident(self, batches: list[Tree]) -> list[Tree]:
        return batches

    def _step(self, carried: Carried, batch: Tree) -> tuple[Carried, jax.Array]:
        params, rest, state = carried
        inputs, targets = batch
        loss_of = jax.value_and_grad(self.side.loss_of(inputs, targets, self.form), has_aux=True)
        (loss, rest), grads = loss_of(params, rest)
        updates, state = self.optimizer.update(as_torch_has_it(grads), state, params)
        return (optax.apply_updates(params, updates), rest, state), loss


class ScanRunner(JaxRunner):
    """``lax.scan`` over all batches: as many steps as there are, in one call."""

    def _resident(self, batches: list[Tree]) -> list[Tree]:
        self.steps_per_call = len(batches)
        return [jax.tree.map(lambda *arrays: jax.device_put(np.stack(arrays), self.side.device), *batches)]

    def _step(self, carried: Carried, batch: Tree) -> tuple[Carried, jax.Array]:
        return jax.lax.scan(super()._step, carried, batch)


def _donating(step: Callable) -> Callable:
    """Old parameters and state may be overwritten, as torch's optimizer overwrites them."""
    return jax.jit(step, donate_argnums=0)


def _compiled(step: Callable) -> Callable:
    import torch._dynamo

    # It says in a warning that the optimizer's profiler mark has no effect inside a compiled step.
    logging.getLogger("torch._dynamo").setLevel(logging.ERROR)
    # And on a GPU that TF32 is off, which is the harness's own doing.
    warnings.filterwarnings("ignore", "TensorFloat32 tensor cores", UserWarning)
    return torch.compile(step, dynamic=False)


Build = Callable[[Prepared, Entering, Precision, Device], Runner]

EAGER = "torch eager"
AGAIN = "torch eager, again"
COMPILED = "torch.compile"
OP_BY_OP = "jax op by op"
VARIANTS: dict[str, Build] = {
    EAGER: TorchRunner,
    AGAIN: TorchRunner,
    COMPILED: partial(TorchRunner, compile_=_compiled),
    OP_BY_OP: partial(JaxRunner, wrap=lambda step: step),
    "jax.jit": partial(JaxRunner, wrap=_donating),
    "jax.jit, lax.scan": partial(ScanRunner, wrap=_donating),
}
