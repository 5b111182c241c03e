"""The port's side: one model as pure functions, compiled once at one precision on one device."""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from compare.arrays.arrays import NUMPY_FLOAT, PARAMS, Arrays, from_jax, to_jax
from compare.arrays.batch import Batch, named_leaves
from compare.frameworks.dropout.masks import draw
from compare.frameworks.dropout.port import Record, replayed
from compare.frameworks.models.modes import Mode
from compare.pair.adapters import called
from compare.pair.pair import Entering, cotangent_of, scored
from compare.pair.prepare import Prepared
from compare.sides.moments import moments_of_optax, widened
from compare.sides.seeds import mask_seed
from compare.sides.shelf import make_room
from compare.sides.side import Dropped, Result, steps_named
from compare.verdict.precision import FLOAT64, Precision

Tree = Any  # of a model, an optimizer or an optax state: whatever its library makes it
Leaves = dict[str, Any]
Program = tuple[Hashable, ...]  # what tells one traced forward pass from another


class PortSide:
    """Runs the port as pure functions of what enters, so a mutant of what enters reuses the compiled program.

    Float64 lives inside ``jax.enable_x64(True)``, the working precision inside ``jax.enable_x64(False)``: x64
    changes what ``jnp.zeros`` and ``jnp.arange`` make inside a user's model. With ``promoted``, the program is
    replayed with everything that the model's own code lowers raised to float64.
    """

    def __init__(
        self,
        prepared: Prepared,
        precision: Precision,
        device: jax.Device,
        promoted: bool = False,
        exact: Sequence[tuple[np.ndarray, np.ndarray]] = (),
        shapes: dict[Program, Leaves] | None = None,
    ) -> None:
        """``exact``: of a promoted side, what constants hold, and the values that take its place (see
        ``compare.frameworks.islands.witness``). ``shapes``: where the sides of one port keep the shapes of its outputs,
        which are the same in all of them: traced once at whatever precision comes first."""
        self.prepared = prepared.widened() if precision is FLOAT64 else prepared
        self.pair, self.precision, self.device, self.promoted = prepared.pair, precision, device, promoted
        self._exact = exact
        self._replays: dict[Program, Record] = {}  # noted while a program is traced, true of each of its runs
        self._value_and_grads = self._compiled(self._trace_value_and_grads)
        self._init = jax.jit(self._trace_init)
        self._shapes = {} if shapes is None else shapes
        self._step = self._compiled(self._trace_step)

    def run(self, entering: Entering, mode: Mode = None, dropped: Dropped = ()) -> Result:
        """Outputs, every gradient and, in training, the statistics after it, on the first batch by one ``jax.vjp``."""
        batch = entering.batches[0]
        with self.x64():
            structs, inputs, *others = self._given(entering, mode, dropped)
            beside = (inputs, *others)
            static = {"mode": mode, "form": Form(batch)}
            # Compiled on shapes alone: tracing leaves cycles that would hold the weights of a large model, and the
            # gradients, until they are collected; and what compiling takes is given back before they are there.
            self._value_and_grads.lower(structs, *beside, **static).compile()
            outputs, loss, grads, changed = self._value_and_grads(self.leaves(entering), *beside, **static)
            arrays = {name: from_jax(array) for name, array in outputs.items()}
            arrays |= {"loss": from_jax(loss)} if self.pair.loss is not None else {}
            by_input, by_leaf = grads
            del grads
            named = self._to_reference(by_leaf)
            arrays |= {f"grad/{name}": named[name] for name in entering.weights if name in named}
            arrays |= {f"grad/input.{name}": from_jax(by_input[name]) for name in batch.floating}
            return self._result(arrays | self._buffers(changed), mode, batch, inputs, dropped)

    def _result(self, arrays: Arrays, mode: Mode, batch: Batch, inputs: Leaves, dropped: Dropped) -> Result:
        replay = self._replays.get(_program(mode, batch, inputs, [shape for shape, _ in dropped]))
        return Result(arrays, not_compared=tuple(replay.not_compared) if replay else (), replay=replay)

    def program(
        self, entering: Entering, mode: Mode = None, dropped: Dropped = ()
    ) -> tuple[Callable[..., Tree], tuple[Tree, ...]]:
        """What ``run`` compiles, as a function of arrays, and the arrays. Call it, and what uses them, in ``x64``."""
        _, *beside = self._given(entering, mode, dropped)
        form = Form(entering.batches[0])
        return partial(self._trace_value_and_grads, mode=mode, form=form), (self.leaves(entering), *beside)

    def _given(self, entering: Entering, mode: Mode, dropped: Dropped) -> tuple[Leaves, Leaves, Leaves, Leaves, tuple]:
        """What enters the value-and-gradient function: leaves by shape alone, inputs, targets, cotangents, masks."""
        structs, (inputs, targets) = self._structs(), self.batch(entering.batches[0])
        masks = self.masks(entering, dropped)
        return structs, inputs, targets, self._cotangents(structs, inputs, masks, entering, mode), masks

    def _structs(self) -> Leaves:
        """The leaves that ``leaves`` brings to the device, by shape and dtype alone."""
        dtype, there = jnp.dtype(self.precision.name), jax.sharding.SingleDeviceSharding(self.device)
        return {
            path: jax.ShapeDtypeStruct(shape, dtype, sharding=there) for path, shape in self.prepared.leaves.items()
        }

    def steps(self, entering: Entering, dropped: Dropped = (), slots: frozenset[str] = frozenset()) -> Result:
        """One optimizer step on each batch in turn, each a pure function of (leaves, optimizer state, batch).

        ``slots``: what torch's optimizer keeps, and the port's is searched for.
        """
        mode = self.prepared.modes[0]
        with self.x64():
            leaves, hyper, taken = self.leaves(entering), dict(entering.hyper), list[Arrays]()
            # On the device like the leaves, or the first step's program would serve the first step only.
            state = jax.device_put(self._init(leaves, hyper), self.device)
            before = self.parameters(leaves, entering)
            for number, batch in enumerate(entering.batches):
                inputs, targets = self.batch(batch)
                masks = self.masks(entering, dropped, number)
                against = self._cotangents(leaves, inputs, masks, entering, mode)
                leaves, state, loss = self._step(
                    leaves, state, inputs, targets, against, masks, hyper, mode=mode, form=Form(batch)
                )
                after = self.parameters(leaves, entering)
                taken.append({f"update/{name}": after[name] - before[name] for name in after})
                taken[-1] |= {"loss": from_jax(loss)} if self.pair.loss is not None else {}
                before = after
            kept = {path: leaf for path, leaf in leaves.items() if not is_parameter(path)}
            taken[-1] |= self._buffers(kept) if mode is not False else {}
            for slot, tree in moments_of_optax(state, self.prepared.port.flat, set(slots)).items():
                named = widened(self._to_reference(tree, values=True))
                taken[-1] |= {f"optimizer/{slot}/{name}": named[name] for name in after}
            return self._result(steps_named(taken), mode, batch, inputs, dropped)

    def arrays(self, entering: Entering) -> tuple[Leaves, Leaves, Leaves]:
        """The leaves, and the first batch's inputs and targets. Call it, and what uses them, outside x64."""
        return self.leaves(entering), *self.batch(entering.batches[0])

    def loss_of(
        self, inputs: Leaves, targets: Leaves, batch: Batch
    ) -> Callable[[Tree, Leaves], tuple[jax.Array, Leaves]]:
        """The loss on one batch as a function of (the tree of parameters, the other leaves), with the other leaves
        as training leaves them. Without a loss of its own, the pair's is the outputs times their cotangents."""

        def loss_of(params: Tree, rest: Leaves) -> tuple[jax.Array, Leaves]:
            leaves, mode = self.prepared.port.flat(params) | rest, self.prepared.modes[0]
            # Traced once under replay, which refuses a dropout that no mask is there for. It is left out of the run:
            # programs traced under it are never found again, and a step op by op would compile every operation anew.
            self.outputs(leaves, inputs, (), batch, mode)
            outputs, changed = self._forward(leaves, inputs, None, mode, batch)
            if self.pair.loss is not None:
                loss = self._scored(outputs, targets, batch)
            else:
                named = outputs_by_name(outputs)
                floats = {name: output for name, output in named.items() if jnp.issubdtype(output.dtype, jnp.floating)}
                against = {name: cotangent_of(name, output.shape, 0, self.precision) for name, output in floats.items()}
                parts = [jnp.vdot(output, against[name].astype(output.dtype)) for name, output in floats.items()]
                loss = sum(parts, start=jnp.zeros(()))
            return loss, rest | changed

        return loss_of

    def tree(self, leaves: Leaves) -> tuple[Tree, Leaves]:
        """The parameters as the tree that the port's own training code works on, and the other leaves."""
        return self._tree(leaves), {path: leaf for path, leaf in leaves.items() if not is_parameter(path)}

    def leaves(self, entering: Entering) -> Leaves:
        """What enters as the port's leaves, on the device."""
        make_room(entering.weights)
        arrays = entering.weights | entering.buffers
        dtype = NUMPY_FLOAT.get(self.precision)
        made = self.prepared.weight_map.each_to_port(arrays, self.prepared.leaves, dtype, exact=True)
        # Each waited for: copies that are still under way would hold a second set of all weights.
        return {
            path: to_jax(array, self.precision, self.device, given_up=True).block_until_ready() for path, array in made
        }

    def batch(self, batch: Batch) -> tuple[Leaves, Leaves]:
        """A batch on the device: its inputs and its targets, by name."""
        inputs = {name: self._array(array) for name, array in batch.inputs.items()}
        return inputs, {name: self._array(array) for name, array in batch.targets.items()}

    def masks(self, entering: Entering, dropped: Dropped, step: int = 0) -> tuple[jax.Array, ...]:
        """The dropout masks of one step, in the reference's order."""
        seed = mask_seed(entering, step)
        return tuple(self._array(draw(seed, i, shape, rate)) for i, (shape, rate) in enumerate(dropped))

    def parameters(self, leaves: Leaves, entering: Entering) -> Arrays:
        """The parameters that train in float64, under the reference's names and in its layout."""
        named = self._to_reference({path: leaf for path, leaf in leaves.items() if is_parameter(path)}, True)
        return {name: array.astype(np.float64) for name, array in named.items() if name in entering.weights}

    def _forward(
        self, leaves: Leaves, inputs: Leaves, masks: tuple | None, mode: Mode, form: Batch
    ) -> tuple[Tree, Leaves]:
        """The outputs in the reference's layout, as the pair compares them, and the statistics afterwards. Without
        ``masks`` (None, not an empty tuple) nothing is replayed."""
        turned = {
            name: jnp.transpose(array, self.prepared.input_axes[name]) if name in self.prepared.input_axes else array
            for name, array in inputs.items()
        }
        args, kwargs = called(self.pair.port_inputs, *form.call(turned))
        with self._replaying(masks, mode, form, inputs):
            outputs, changed = self.prepared.port.apply(leaves, args, kwargs, mode)
        outputs = self.pair.port_outputs(outputs) if self.pair.port_outputs else outputs
        return self._turned_back(outputs), changed

    def _turned_back(self, outputs: Tree) -> Tree:
        axes = self.prepared.output_axes
        if not axes:
            return outputs
        leaves, structure = jax.tree.flatten(outputs)
        by_id = {id(leaf): name for name, leaf in named_leaves(outputs, "output")}
        turned = [
            jnp.transpose(leaf, axes[by_id[id(leaf)]]) if by_id.get(id(leaf)) in axes else leaf for leaf in leaves
        ]
        return jax.tree.unflatten(structure, turned)

    def _trace_outputs(self, leaves: Leaves, inputs: Leaves, masks: tuple, mode: Mode, form: Batch) -> Leaves:
        outputs, _ = self._forward(leaves, inputs, masks, mode, form)
        return outputs_by_name(outputs)

    def _scored(self, outputs: Tree, targets: Leaves, batch: Batch) -> jax.Array:
        # In the batch's order: JAX sorts the keys of a dictionary that goes through a compiled function.
        return scored(self.pair.loss[1], outputs, [targets[name] for name in batch.targets])  # type: ignore[index]

    def _trace_value_and_grads(
        self, leaves: Leaves, inputs: Leaves, targets: Leaves, against: Leaves, masks: tuple, mode: Mode, form: "Form"
    ) -> tuple[Leaves, jax.Array | None, tuple[Leaves, Leaves], Leaves]:
        parameters = {path: leaf for path, leaf in leaves.items() if is_parameter(path)}
        rest = {path: leaf for path, leaf in leaves.items() if path not in parameters}
        floats = {name: array for name, array in inputs.items() if jnp.issubdtype(array.dtype, jnp.floating)}

        def outputs_of(floats: Leaves, parameters: Leaves) -> tuple[Tree, tuple[Leaves, jax.Array | None, Leaves]]:
            outputs, changed = self._forward(parameters | rest, inputs | floats, masks, mode, form.batch)
            named = outputs_by_name(outputs)
            if self.pair.loss is not None:
                loss = self._scored(outputs, targets, form.batch)
                return loss, (named, loss, changed)
            return {name: named[name] for name in against}, (named, None, changed)

        value, pull_back, (named, loss, changed) = jax.vjp(outputs_of, floats, parameters, has_aux=True)
        if self.pair.loss is not None:
            cotangent = against["loss"].astype(value.dtype)
        else:
            cotangent = {name: array.astype(value[name].dtype) for name, array in against.items()}
        return named, loss, pull_back(cotangent), changed

    def _trace_init(self, leaves: Leaves, hyper: dict[str, float]) -> Tree:
        return self._optimizer(hyper).init(self._tree(leaves))

    def _trace_step(
        self, leaves: Leaves, state: Tree, inputs: Leaves, targets: Leaves, against: Leaves, masks: tuple,
        hyper: dict[str, float], mode: Mode, form: "Form",
    ) -> tuple[Leaves, Tree, jax.Array | None]:  # fmt: skip
        _, loss, (_, grads), changed = self._trace_value_and_grads(leaves, inputs, targets, against, masks, mode, form)
        params, frozen = self._tree(leaves), self.prepared.frozen_leaves
        grads = {path: jnp.zeros_like(leaf) if path in frozen else leaf for path, leaf in grads.items()}
        updates, state = self._optimizer(hyper).update(self._tree(grads), state, params)
        after = self.prepared.port.flat(optax.apply_updates(params, updates))
        return leaves | changed | after | {path: leaves[path] for path in frozen}, state, loss

    def _optimizer(self, hyper: Mapping[str, float]) -> optax.GradientTransformation:
        training = self.pair.training()
        assert training is not None
        return training.port(**hyper)

    def _tree(self, leaves: Leaves) -> Tree:
        return self.prepared.port.tree({path: leaf for path, leaf in leaves.items() if is_parameter(path)})

    def _cotangents(
        self, leaves: Leaves, inputs: Leaves, masks: tuple, entering: Entering, mode: Mode
    ) -> dict[str, jax.Array]:
        """What the gradients are taken against: the loss's 1, or a random cotangent of each floating output."""
        if self.pair.loss is not None:
            return {"loss": self._array(np.asarray(entering.cotangent))}
        shapes = self.outputs(leaves, inputs, masks, entering.batches[0], mode)
        drawn = {
            name: cotangent_of(name, tuple(leaf.shape), entering.seed, entering.precision) * entering.cotangent
            for name, leaf in shapes.items()
            if jnp.issubdtype(leaf.dtype, jnp.floating)
        }
        return {name: self._array(array) for name, array in drawn.items()}

    def outputs(self, leaves: Leaves, inputs: Leaves, masks: tuple, batch: Batch, mode: Mode) -> Leaves:
        """Shapes of the outputs by name, and whether they float; computes nothing, and traces once for the same
        shapes."""
        key = _program(mode, batch, inputs, [mask.shape for mask in masks])
        if key not in self._shapes:
            self._shapes[key] = jax.eval_shape(
                lambda leaves, inputs, masks: self._trace_outputs(leaves, inputs, masks, mode, batch),
                leaves, inputs, masks,
            )  # fmt: skip
        return self._shapes[key]

    def shapes_of_outputs(self, entering: Entering, mode: Mode, dropped: Dropped) -> Leaves:
        """``outputs`` of what would enter; no weight goes to the device."""
        with self.x64():
            inputs, _ = self.batch(entering.batches[0])
            return self.outputs(self._structs(), inputs, self.masks(entering, dropped), entering.batches[0], mode)

    def _buffers(self, changed: Leaves) -> Arrays:
        named = self._to_reference(changed)
        return {f"state/{name}": named[name] for name in self.prepared.buffers if name in named}

    def _compiled(self, function: Callable[..., Tree]) -> jax.stages.Wrapped:
        if not self.promoted:
            return jax.jit(function, static_argnames=("mode", "form"))
        from compare.frameworks.islands.witness import replay_with

        def replayed(*args: Tree, mode: Mode, form: "Form") -> Tree:
            return replay_with(lambda *args: function(*args, mode=mode, form=form), self._exact)(*args)

        return jax.jit(replayed, static_argnames=("mode", "form"))

    @contextmanager
    def _replaying(self, masks: tuple | None, mode: Mode, form: Batch, inputs: Leaves) -> Iterator[None]:
        if mode is False or masks is None:
            yield
            return
        with replayed(list(masks), channels_last=bool(self.prepared.input_axes)) as record:
            yield
        self._replays[_program(mode, form, inputs, [mask.shape for mask in masks])] = record

    @contextmanager
    def x64(self) -> Iterator[None]:
        """Float64 for an oracle. Flax's own layers mix dtypes there, which a process with strict promotion refuses."""
        wide = self.precision is FLOAT64
        with jax.enable_x64(wide), jax.numpy_dtype_promotion("standard") if wide else nullcontext():
            yield

    def _array(self, array: np.ndarray) -> jax.Array:
        return to_jax(array, self.precision, self.device)

    def _to_reference(self, leaves: Leaves, values: bool = False) -> Arrays:
        arrays = {path: from_jax(leaves[path]) for path in leaves}
        leaves.clear()
        return self.prepared.weight_map.to_reference(arrays, self.prepared.shapes, values, consume=True)


class Form:
    """How a batch is called, as a static argument of a compiled program: equal where names and structure are."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._key = repr((batch.form, tuple(batch.inputs)))

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Form) and other._key == self._key


def _program(mode: Mode, batch: Batch, inputs: Leaves, masks: Sequence[tuple[int, ...]]) -> Program:
    """What JAX tells one trace of the forward pass from another by."""
    kinds = {name: jnp.issubdtype(one.dtype, jnp.floating) for name, one in inputs.items()}  # at every precision alike
    shapes = sorted((name, tuple(one.shape), kinds[name]) for name, one in inputs.items())
    return mode, Form(batch), tuple(shapes), tuple(tuple(shape) for shape in masks)


def outputs_by_name(outputs: Tree) -> Leaves:
    """The outputs by name; a Python number among them is an array too."""
    return {name: jnp.asarray(one) for name, one in named_leaves(outputs, "output")}


def is_parameter(path: str) -> bool:
    return path == PARAMS or path.startswith(f"{PARAMS}/")
