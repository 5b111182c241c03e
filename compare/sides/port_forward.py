"""The port's forward pass: what enters it on the device, in its own layout, and what it returns in the reference's."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from compare.arrays.arrays import NUMPY_FLOAT, PARAMS, complex_name, to_jax
from compare.arrays.batch import Batch, named_leaves
from compare.errors import UsageError, shown
from compare.frameworks.dropout.masks import draw
from compare.frameworks.dropout.port import Replay, replayed
from compare.frameworks.integers import float64
from compare.frameworks.islands.lowered import Kept
from compare.frameworks.islands.tracing import requests_noted
from compare.frameworks.meshes.layout import placing
from compare.frameworks.models.modes import Mode
from compare.frameworks.models.ports import complex_leaves
from compare.pair.forward import port_outputs
from compare.pair.pair import Entering, cotangent_of, scored
from compare.pair.prepared import Prepared
from compare.sides.seeds import mask_seed
from compare.sides.shelf import make_room
from compare.sides.side import Dropped
from compare.verdict.precision import FLOAT64, Precision

Tree = Any  # of a model, an optimizer or an optax state: whatever its library makes it
Leaves = dict[str, Any]
Program = tuple[Hashable, ...]  # what tells one traced forward pass from another
EXPECTED = "expected an array, or arrays in tuples, lists and dictionaries (port_outputs= makes them)"


class PortForward:
    """The port on flat leaves, at one precision on one device: what is traced for outputs, gradients and steps.

    Float64 lives inside x64 (with the integers of a process without it), the working precision inside
    ``jax.enable_x64(False)``: x64 changes what ``jnp.zeros`` and ``jnp.arange`` make inside a user's model.
    """

    def __init__(
        self,
        prepared: Prepared,
        precision: Precision,
        device: jax.Device,
        shapes: dict[Program, Leaves] | None = None,
        kept: Kept | None = None,
    ) -> None:
        """``shapes``: where the sides of one port keep the shapes of its outputs, which are the same in all of them:
        traced once at whatever precision comes first; ``kept``: what an oracle computes in a low format."""
        self.kept = kept
        self.prepared = prepared.widened(kept.formats if kept else ()) if precision is FLOAT64 else prepared
        self.pair, self.precision, self.device = prepared.pair, precision, device
        self.placing = placing(prepared.layout, device)
        self._replays: dict[Program, Replay] = {}  # noted while a program is traced, true of each of its runs
        self._shapes = {} if shapes is None else shapes

    def arrays(self, entering: Entering) -> tuple[Leaves, Leaves, Leaves]:
        """The leaves, and the first batch's inputs and targets. Call it, and what uses them, outside x64."""
        return self.leaves(entering), *self.batch(entering.batches[0])

    def loss_of(
        self, inputs: Leaves, targets: Leaves, batch: Batch, drawing: bool = False
    ) -> Callable[[Tree, Leaves], tuple[jax.Array, Leaves]]:
        """The loss on one batch as a function of (the tree of parameters, the other leaves), with the other leaves
        as training leaves them. Without a loss of its own, the pair's is the outputs times their cotangents. A dropout
        is refused unless ``drawing`` lets the model draw for itself."""

        def loss_of(params: Tree, rest: Leaves) -> tuple[jax.Array, Leaves]:
            leaves, mode = self.prepared.port.flat(params) | rest, self.prepared.modes[0]
            # Traced once under replay, which refuses a dropout that no mask is there for. It is left out of the run:
            # programs traced under it are never found again, and a step op by op would compile every operation anew.
            if not drawing:
                self.outputs(leaves, inputs, (), batch, mode)
            outputs, changed = self._forward(leaves, inputs, None, mode, batch)
            if self.pair.loss is not None:
                loss = self._scored(outputs, targets, batch)
            else:
                named = outputs_by_name(outputs)
                floats = {name: output for name, output in named.items() if jnp.issubdtype(output.dtype, jnp.inexact)}
                against = {
                    name: cotangent_of(name, output.shape, 0, self.precision, jnp.iscomplexobj(output))
                    for name, output in floats.items()
                }
                parts = [jnp.vdot(output, against[name].astype(output.dtype)).real for name, output in floats.items()]
                loss = sum(parts, start=jnp.zeros(()))
            return loss, rest | changed

        return loss_of

    def named_outputs(self, params: Tree, rest: Leaves, inputs: Leaves, batch: Batch) -> Leaves:
        """The outputs by name, in the reference's layout, of the tree of parameters and the other leaves; the model may
        draw for itself."""
        leaves = self.prepared.port.flat(params) | rest
        return outputs_by_name(self._forward(leaves, inputs, None, self.prepared.modes[0], batch)[0])

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
            path: to_jax(array, self.precision, self.placing.leaf(path), given_up=True).block_until_ready()
            for path, array in made
        }

    def batch(self, batch: Batch) -> tuple[Leaves, Leaves]:
        """A batch on the device: its inputs and its targets, by name."""

        def spread(name: str, array: np.ndarray) -> jax.Array:
            return to_jax(array, self.precision, self.placing.input(name, array.shape, batch.axis(name)))

        inputs = {name: spread(name, array) for name, array in batch.inputs.items()}
        return inputs, {name: spread(name, array) for name, array in batch.targets.items()}

    def masks(self, entering: Entering, dropped: Dropped, step: int = 0) -> tuple[jax.Array, ...]:
        """The dropout masks of one step, in the reference's order."""
        seed = mask_seed(entering, step)
        return tuple(self._array(draw(seed, i, shape, rate)) for i, (shape, rate) in enumerate(dropped))

    def _forward(
        self, leaves: Leaves, inputs: Leaves, masks: tuple | None, mode: Mode, form: Batch
    ) -> tuple[Tree, Leaves]:
        """The outputs in the reference's layout, as the pair compares them, and the statistics afterwards. Without
        ``masks`` (None, not an empty tuple) nothing is replayed."""
        around = self._replaying(masks, mode, form, inputs)
        return port_outputs(self.prepared, leaves, inputs, form, mode, around)

    def _scored(self, outputs: Tree, targets: Leaves, batch: Batch) -> jax.Array:
        # In the batch's order: JAX sorts the keys of a dictionary that goes through a compiled function.
        return scored(self.pair.loss[1], outputs, [targets[name] for name in batch.targets])  # type: ignore[index]

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
            name: cotangent_of(
                name,
                tuple(leaf.shape),
                entering.seed,
                entering.precision,
                jnp.issubdtype(leaf.dtype, jnp.complexfloating),
            )
            * entering.cotangent
            for name, leaf in shapes.items()
            if jnp.issubdtype(leaf.dtype, jnp.inexact)
        }
        return {name: self._array(array) for name, array in drawn.items()}

    def outputs(self, leaves: Leaves, inputs: Leaves, masks: tuple, batch: Batch, mode: Mode) -> Leaves:
        """Shapes of the outputs by name, and whether they float; computes nothing, and traces once for the same
        shapes."""
        key = program_key(mode, batch, inputs, [mask.shape for mask in masks])
        if key not in self._shapes:
            self._shapes[key] = jax.eval_shape(
                lambda leaves, inputs, masks: self._trace_outputs(leaves, inputs, masks, mode, batch),
                leaves, inputs, masks,
            )  # fmt: skip
        return self._shapes[key]

    def _trace_outputs(self, leaves: Leaves, inputs: Leaves, masks: tuple, mode: Mode, form: Batch) -> Leaves:
        outputs, _ = self._forward(leaves, inputs, masks, mode, form)
        return outputs_by_name(outputs)

    def forward_program(
        self, entering: Entering, mode: Mode, dropped: Dropped
    ) -> tuple[jax.extend.core.ClosedJaxpr, list[str], list[tuple[str, str]]]:
        """The forward pass and the pair's loss as they are traced; for each array that enters its path, its name among
        the inputs ("input.x"), or nothing; and the dtypes that were asked for, each with its line. No weight goes to
        the device. ``outputs`` knows its shapes from here on."""
        batch = entering.batches[0]

        def forward(leaves: Leaves, inputs: Leaves, targets: Leaves, masks: tuple) -> tuple[Tree, jax.Array | None]:
            outputs, _ = self._forward(leaves, inputs, masks, mode, batch)
            return outputs_by_name(outputs), self._scored(outputs, targets, batch) if self.pair.loss else None

        with self.x64():
            leaves, (inputs, targets) = self._structs(), self.batch(batch)
            masks = self.masks(entering, dropped)
            with requests_noted() as noting:
                closed, (outputs, _) = jax.make_jaxpr(forward, return_shape=True)(leaves, inputs, targets, masks)
        self._shapes.setdefault(program_key(mode, batch, inputs, [mask.shape for mask in masks]), outputs)
        entered = [*sorted(inputs), *sorted(targets)]
        names = [*sorted(leaves), *(f"input.{name}" for name in entered)]
        return closed, names + [""] * len(masks), list(noting.asked)

    def shapes_of_outputs(self, entering: Entering, mode: Mode, dropped: Dropped) -> Leaves:
        """``outputs`` of what would enter; no weight goes to the device."""
        with self.x64():
            inputs, _ = self.batch(entering.batches[0])
            return self.outputs(self._structs(), inputs, self.masks(entering, dropped), entering.batches[0], mode)

    def _structs(self) -> Leaves:
        """The leaves that ``leaves`` brings to the device, by shape and dtype alone."""
        dtype = jnp.dtype(self.precision.name)
        of_complex = complex_leaves(self.prepared.port)
        dtypes = {path: complex_name(self.precision) if path in of_complex else dtype for path in self.prepared.leaves}
        return {
            path: jax.ShapeDtypeStruct(shape, dtypes[path], sharding=self.placing.leaf(path))
            for path, shape in self.prepared.leaves.items()
        }

    @contextmanager
    def _replaying(self, masks: tuple | None, mode: Mode, form: Batch, inputs: Leaves) -> Iterator[None]:
        if masks is None or (mode is False and not self.pair.rngs):  # an evaluation draws nothing, unless it may
            yield
            return
        with replayed(list(masks), channels_last=bool(self.prepared.input_axes)) as record:
            yield
        self._replays[program_key(mode, form, inputs, [mask.shape for mask in masks])] = record

    @contextmanager
    def x64(self) -> Iterator[None]:
        """Float64 for an oracle, integers as they are without, and the mesh that it runs on, if any. Flax's own layers
        mix dtypes there, which a process with strict promotion refuses."""
        with self.placing.entered():
            if self.precision is not FLOAT64:
                with jax.enable_x64(False):
                    yield
                return
            with float64(), jax.numpy_dtype_promotion("standard"):
                yield

    def _array(self, array: np.ndarray) -> jax.Array:
        return to_jax(array, self.precision, self.placing.whole)


class Form:
    """How a batch is called, as a static argument of a compiled program: equal where names and structure are."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._key = repr((batch.form, tuple(batch.inputs)))

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Form) and other._key == self._key


def program_key(mode: Mode, batch: Batch, inputs: Leaves, masks: Sequence[tuple[int, ...]]) -> Program:
    """What JAX tells one trace of the forward pass from another by."""
    kinds = {name: _kind(one) for name, one in inputs.items()}  # at every precision alike
    shapes = sorted((name, tuple(one.shape), kinds[name]) for name, one in inputs.items())
    return mode, Form(batch), tuple(shapes), tuple(tuple(shape) for shape in masks)


def _kind(array: jax.Array) -> str:
    """The kind of a dtype, whose width it does not say."""
    every = (jnp.floating, jnp.complexfloating)
    return next((kind.__name__ for kind in every if jnp.issubdtype(array.dtype, kind)), "")


def as_torch_has_it(tree: Tree) -> Tree:
    """Gradients or cotangents of JAX as torch has them, and the other way round.

    Of a real loss by x + iy, torch's gradient is dL/dx + i dL/dy, along which the loss rises; JAX's is its conjugate,
    dL/dx - i dL/dy, by which a complex change is multiplied. Likewise the cotangents of a complex output.
    """
    return jax.tree.map(lambda leaf: jnp.conj(leaf) if jnp.iscomplexobj(leaf) else leaf, tree)


def outputs_by_name(outputs: Tree) -> Leaves:
    """The outputs by name; a Python number among them is an array too."""
    named: Leaves = {}
    for name, one in named_leaves(outputs, "output"):
        if not (hasattr(one, "dtype") or isinstance(one, bool | int | float | complex)):
            raise UsageError(f"the port returned {shown(one)} as {name}: {EXPECTED}")
        named[name] = jnp.asarray(one)
    return named


def is_parameter(path: str) -> bool:
    return path == PARAMS or path.startswith(f"{PARAMS}/")
