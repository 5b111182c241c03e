"""The port's side: one Flax module or plain function, compiled once at one precision on one device."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen

from compare.arrays import from_jax, to_jax
from compare.pair import Batch, Entering, Pair
from compare.precision import FLOAT64, Precision
from compare.sides.outputs import named_outputs
from compare.weights import Arrays

Tree = Any


class PortSide:
    """Runs ``pair.port`` as pure functions of what enters, so a mutant of what enters reuses the compiled program.

    Float64 lives inside ``jax.enable_x64(True)``, the working precision inside ``jax.enable_x64(False)``: x64
    changes what ``jnp.zeros`` and ``jnp.arange`` make inside a user's model.
    """

    def __init__(self, pair: Pair, precision: Precision, device: jax.Device) -> None:
        self.pair, self.precision, self.device = pair, precision, device
        self._apply = apply_of(pair.port)
        self._value_and_grads = jax.jit(self._trace_value_and_grads)
        self._init = jax.jit(self._trace_init)
        self._step = jax.jit(self._trace_step)

    def run(self, entering: Entering) -> Arrays:
        """Outputs, loss and every gradient on the first batch, by one ``jax.vjp``."""
        with self._x64():
            params, (inputs, targets) = self._params(entering.weights), self.batch(entering.batches[0])
            cotangent = self._array(np.asarray(entering.cotangent))
            outputs, loss, grads, input_grads = self._value_and_grads(params, inputs, targets, cotangent)
            float_names = [name for name, array in entering.batches[0].inputs.items() if array.dtype.kind == "f"]
            arrays = {name: from_jax(array) for name, array in named_outputs(outputs)} | {"loss": from_jax(loss)}
            arrays |= {f"grad/{name}": array for name, array in self._to_reference(grads).items()}
            named = zip(float_names, input_grads, strict=True)
            return arrays | {f"grad/input.{name}": from_jax(array) for name, array in named}

    def steps(self, entering: Entering) -> list[Arrays]:
        """One optimizer step on each batch in turn, each a pure function of (parameters, optimizer state, batch)."""
        with self._x64():
            params, hyper = self._params(entering.weights), dict(entering.hyper)
            # On the device like the parameters, or the first step's program would serve the first step only.
            state, taken = jax.device_put(self._init(params, hyper), self.device), []
            before = self.parameters(params)
            for batch in entering.batches:
                params, state, loss = self._step(params, state, *self.batch(batch), hyper)
                after = self.parameters(params)
                updates = {f"update/{name}": after[name] - before[name] for name in after}
                taken.append({"loss": from_jax(loss)} | updates)
                before = after
            return taken

    def arrays(self, entering: Entering) -> tuple[Tree, Tree, Tree]:
        """The parameters, and the first batch's inputs and targets. Call it, and what uses them, outside x64."""
        return self._params(entering.weights), *self.batch(entering.batches[0])

    def loss_of(self, inputs: Tree, targets: Tree) -> Callable[[Tree], jax.Array]:
        """The loss on one batch as a function of the parameters alone."""
        return lambda params: self.pair.port_loss(self._apply(params, *inputs), *targets)

    def check_shapes(self, entering: Entering) -> None:
        """Hold the shapes a Linen port asks for against those the weight map gives it. Computes nothing."""
        if isinstance(self.pair.port, linen.Module):
            inputs = entering.batches[0].inputs.values()
            wanted = jax.eval_shape(self.pair.port.init, jax.random.key(0), *inputs)
            self.pair.weight_map.check_port(wanted["params"], entering.weights)

    def _trace_value_and_grads(self, params: Tree, inputs: Tree, targets: Tree, cotangent: jax.Array) -> Tree:
        # Tuples, not dictionaries: JAX sorts a dictionary's keys, and these are positional arguments.
        floats = tuple(array for array in inputs if jnp.issubdtype(array.dtype, jnp.floating))

        def loss_of(params: Tree, floats: Tree) -> tuple[jax.Array, Tree]:
            rest = iter(floats)
            arguments = [next(rest) if jnp.issubdtype(array.dtype, jnp.floating) else array for array in inputs]
            outputs = self._apply(params, *arguments)
            return self.pair.port_loss(outputs, *targets), outputs

        loss, pull_back, outputs = jax.vjp(loss_of, params, floats, has_aux=True)
        return outputs, loss, *pull_back(cotangent.astype(loss.dtype))

    def _trace_init(self, params: Tree, hyper: dict[str, float]) -> Tree:
        return self.pair.optimizers.port(**hyper).init(params)

    def _trace_step(self, params: Tree, state: Tree, inputs: Tree, targets: Tree, hyper: dict[str, float]) -> Tree:
        loss, grads = jax.value_and_grad(self.loss_of(inputs, targets))(params)
        updates, state = self.pair.optimizers.port(**hyper).update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss

    def _x64(self) -> AbstractContextManager:
        return jax.enable_x64(self.precision is FLOAT64)

    def _array(self, array: np.ndarray) -> jax.Array:
        return to_jax(array, self.precision, self.device)

    def batch(self, batch: Batch) -> tuple[Tree, Tree]:
        """A batch on the device: its inputs and its targets, as tuples in their order."""
        inputs, targets = batch.inputs.values(), batch.targets.values()
        return tuple(map(self._array, inputs)), tuple(map(self._array, targets))

    def _params(self, weights: Arrays) -> Tree:
        return jax.tree.map(self._array, self.pair.weight_map.to_port(weights))

    def _to_reference(self, tree: Tree) -> Arrays:
        return self.pair.weight_map.to_reference(jax.tree.map(from_jax, tree))

    def parameters(self, params: Tree) -> Arrays:
        """The parameters in float64, under the reference's names and in its layout."""
        return {name: array.astype(np.float64) for name, array in self._to_reference(params).items()}


def apply_of(port: Any) -> Callable[..., Any]:
    """The port as a function of (parameters, *inputs)."""
    if isinstance(port, linen.Module):
        return lambda params, *inputs: port.apply({"params": params}, *inputs)
    return port
