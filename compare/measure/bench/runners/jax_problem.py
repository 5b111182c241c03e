"""What a training step of the port is made of, on the device: a pure function of (what is carried, a batch)."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from compare.arrays.arrays import Arrays, wide
from compare.arrays.batch import Batch
from compare.frameworks.devices import Device
from compare.frameworks.dropout.port import replayed
from compare.frameworks.models.random_streams import drawing_with
from compare.measure.bench.runners.dropouts import dropouts, drops_out, masks_of
from compare.pair.adapters import called
from compare.pair.forward import turned_back
from compare.pair.pair import Entering, cotangent_of
from compare.pair.prepared import Prepared
from compare.sides.port_forward import PortForward, as_torch_has_it, outputs_by_name
from compare.sides.side import Dropped
from compare.verdict.precision import Precision

Tree = Any
Leaves = dict[str, Any]


class Carried(NamedTuple):
    """What goes from step to step.

    Attributes:
        params: the parameters, as the tree that optax is handed.
        rest: the other leaves by path: running statistics.
        state: the optimizer's.
        number: the number of the step, which its random numbers are drawn with; None where nothing is drawn.
    """

    params: Tree
    rest: Leaves
    state: Tree
    number: jax.Array | None


class OnDevice(NamedTuple):
    """A batch as the step takes it. What the pair makes of the inputs for this side is made once, before the clock.

    Attributes:
        arrays: of the model's arguments, in their order; targets: the loss's, in theirs.
        masks: of a pair with dropout that is judged, in the reference's order.
    """

    arrays: tuple[jax.Array, ...]
    targets: tuple[jax.Array, ...]
    masks: tuple[jax.Array, ...]


class JaxProblem(PortForward):
    """The pair's port in training: loss, gradient and the optimizer's update as one function."""

    def __init__(
        self, prepared: Prepared, entering: Entering, precision: Precision, device: Device, masked: bool = False
    ) -> None:
        super().__init__(prepared, precision, device.jax)
        training, self.entering = prepared.pair.training(), entering
        assert training is not None
        draws = drops_out(prepared, entering, device)
        self.draws, self.masked = draws and not masked, draws and masked
        dropped = dropouts(prepared, entering, device) if self.masked else ()
        self._cotangents_of: dict[str, tuple[int, ...]] = {}
        with self.x64():
            self.optimizer: optax.GradientTransformation = training.port(**entering.hyper)
            self.batches = [self._given(batch, place, dropped) for place, batch in enumerate(entering.batches)]

    def start(self) -> Carried:
        """What enters the first step, on the device. Call it, and the step, in ``x64``."""
        params, rest = self.tree(self.leaves(self.entering))
        params = self.stored(params)
        state = jax.device_put(jax.jit(self.optimizer.init)(params), self.device)
        number = jax.device_put(jnp.zeros((), jnp.int32), self.device) if self.draws else None
        return Carried(params, rest, state, number)

    def step(self, carried: Carried, given: OnDevice) -> tuple[Carried, jax.Array]:
        """One training step: what is carried on, and the loss before it."""
        carried, loss, _ = self.step_and_gradients(carried, given)
        return carried, loss

    def step_and_gradients(self, carried: Carried, given: OnDevice) -> tuple[Carried, jax.Array, Tree]:
        """The same with the gradient, as the optimizer is handed it."""
        params, rest, state, number = carried
        (loss, changed), grads = jax.value_and_grad(self.loss, has_aux=True)(params, rest, given, number)
        grads = self._frozen(as_torch_has_it(grads), jax.tree.map(jnp.zeros_like, params))
        updates, state = self.optimizer.update(grads, state, params)
        after = self._frozen(optax.apply_updates(params, updates), params)
        return Carried(after, rest | changed, state, None if number is None else number + 1), loss, grads

    def loss(self, params: Tree, rest: Leaves, given: OnDevice, number: jax.Array | None) -> tuple[jax.Array, Leaves]:
        """The loss on one batch, and the other leaves that the pass changed."""
        args, kwargs = self.arguments(given.arrays)
        leaves = self.prepared.port.flat(self.taken(params)) | rest
        with self.drawing(given.masks, number):
            outputs, changed = self.prepared.port.apply(leaves, args, kwargs, self.prepared.modes[0])
        return self.scored(outputs, given), changed

    def scored(self, outputs: Tree, given: OnDevice) -> jax.Array:
        """The pair's loss of what the model returned; without one, the outputs times their cotangents."""
        outputs = self.pair.port_outputs(outputs) if self.pair.port_outputs else outputs
        outputs = turned_back(outputs, self.prepared.output_axes)
        if self.pair.loss is not None:
            return self.pair.loss[1](outputs, *given.targets)
        named = outputs_by_name(outputs)
        parts = [jnp.vdot(named[name], own) for name, own in zip(self._cotangents_of, given.targets, strict=True)]
        return jnp.stack(parts).sum() if len(parts) > 1 else parts[0]

    def stored(self, params: Tree) -> Tree:
        """The parameters as this row keeps them."""
        return params

    def taken(self, params: Tree) -> Tree:
        """What is kept, as the port takes it."""
        return params

    def parameters(self, params: Tree) -> Arrays:
        """In float64, under the reference's names."""
        return self._named(params, values=True)

    def gradients(self, grads: Tree) -> Arrays:
        """Likewise. Of two parameters of the reference that the port holds as their sum, only the first trains."""
        named = self._named(grads, values=False)
        for summed in self.prepared.summed:
            if summed.second in named:
                named[summed.second] = named[summed.second] * summed.kept(named[summed.second].shape)
        return named

    def _named(self, tree: Tree, values: bool) -> Arrays:
        leaves = {path: jax.device_get(leaf) for path, leaf in self.prepared.port.flat(self.taken(tree)).items()}
        named = self.prepared.weight_map.to_reference(leaves, self.prepared.shapes, values)
        return {name: wide(named[name]) for name in self.entering.weights}

    def _frozen(self, tree: Tree, instead: Tree) -> Tree:
        """``tree`` with other leaves at the parameters that the reference freezes."""
        frozen = self.prepared.frozen_leaves
        if not frozen:
            return tree
        own, other = (self.prepared.port.flat(self.taken(one)) for one in (tree, instead))
        return self.stored(self.prepared.port.tree(own | {path: other[path] for path in frozen}))

    def _given(self, batch: Batch, place: int, dropped: Dropped) -> OnDevice:
        inputs, targets = self.batch(batch)
        turned = {
            name: jnp.transpose(array, self.prepared.input_axes[name]) if name in self.prepared.input_axes else array
            for name, array in inputs.items()
        }
        leaves, self._structure = jax.tree.flatten(called(self.pair.port_inputs, *batch.call(turned)))
        self._constants = [None if hasattr(leaf, "dtype") else leaf for leaf in leaves]
        arrays = tuple(jax.device_put(leaf, self.device) for leaf in leaves if hasattr(leaf, "dtype"))
        masks = tuple(self._array(mask) for mask in masks_of(self.entering, dropped, place))
        if self.pair.loss is not None:
            # In the batch's order: JAX sorts the keys of a dictionary that goes through a compiled function.
            return OnDevice(arrays, tuple(targets[name] for name in batch.targets), masks)
        self._cotangents_of = self._cotangents_of or self._floating(arrays, masks)
        own = [cotangent_of(name, shape, 0, self.precision) for name, shape in self._cotangents_of.items()]
        return OnDevice(arrays, tuple(self._array(one) for one in own), masks)

    def _floating(self, arrays: tuple[jax.Array, ...], masks: tuple[jax.Array, ...]) -> dict[str, tuple[int, ...]]:
        """The outputs that have a gradient, with their shapes, in their order."""

        def outputs(leaves: Leaves, arrays: tuple[jax.Array, ...], masks: tuple[jax.Array, ...]) -> list[jax.Array]:
            args, kwargs = self.arguments(arrays)
            with self.drawing(masks, jnp.zeros((), jnp.int32) if self.draws else None):
                returned, _ = self.prepared.port.apply(leaves, args, kwargs, self.prepared.modes[0])
            returned = self.pair.port_outputs(returned) if self.pair.port_outputs else returned
            named = outputs_by_name(turned_back(returned, self.prepared.output_axes))
            names[:] = list(named)
            return list(named.values())

        names: list[str] = []
        shapes = jax.eval_shape(outputs, self._structs(), arrays, masks)
        floating = [jnp.issubdtype(one.dtype, jnp.floating) for one in shapes]
        return {name: one.shape for name, one, floats in zip(names, shapes, floating, strict=True) if floats}

    def arguments(self, arrays: tuple[jax.Array, ...]) -> tuple[tuple, dict[str, Any]]:
        """The model's call with arrays in their places among its constants (a flag, a number)."""
        left: Iterator[jax.Array] = iter(arrays)
        leaves = [next(left) if constant is None else constant for constant in self._constants]
        args, kwargs = jax.tree.unflatten(self._structure, leaves)
        return args, kwargs

    def drawing(self, masks: tuple[jax.Array, ...], number: jax.Array | None) -> AbstractContextManager[object]:
        """What the port draws within it: the masks that are given, or by a key that the number of the step decides."""
        if self.masked:
            return replayed(list(masks), channels_last=bool(self.prepared.input_axes))
        if number is None:
            return nullcontext()
        # As Flax's guide writes it: one key for the run, with the number of the step folded in.
        return drawing_with(jax.random.fold_in(jax.random.key(self.entering.seed), number))


class TransposedProblem(JaxProblem):
    """Every matrix kept as PyTorch keeps it, (out, in)."""

    def stored(self, params: Tree) -> Tree:
        return jax.tree.map(lambda leaf: leaf.T if leaf.ndim == 2 else leaf, params)

    def taken(self, params: Tree) -> Tree:
        return self.stored(params)
