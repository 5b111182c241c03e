"""The port run piece by piece: forward with its own activations, backward from the real cotangent, each piece's
parameters read when its turn comes.

The pieces are of one trace of the whole forward pass with its loss, so that ties, residuals and masks are what the
port's own code makes of them. A training step's update is a program of its own, cut as well: one array after another,
where it acts on each by itself; what it needs of all of them first, a global norm, makes another sweep.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from compare.arrays.arrays import NUMPY_FLOAT, Arrays, from_jax, to_jax, wide
from compare.arrays.aside import Aside, touched
from compare.frameworks.cutting.cuts_of_program import cuts_of
from compare.frameworks.cutting.steps_of_program import Number, steps_of
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.kept_values import KeptValues
from compare.sides.moments import moments_of_optax
from compare.sides.piecewise import Compiler, Pass, Pieces, moving_in
from compare.sides.port import PortSide
from compare.sides.port_forward import Leaves, Tree, as_torch_has_it, is_parameter, outputs_by_name, program_key
from compare.sides.shelf import trim
from compare.sides.side import Dropped, Result, steps_named
from compare.verdict.thresholds import PIECE_OF_UPDATE
from compare.weights.entry import Entry
from compare.weights.weights import WeightMap


@dataclass(frozen=True)
class ModelPieces:
    """The forward pass with its loss, cut; it returns (outputs by name, the loss, the statistics afterwards).

    Attributes:
        leaves: of the port's leaves by path, the number of each; inputs: of the floating inputs, by name.
        given: what enters beside the leaves, in order.
    """

    pieces: Pieces
    leaves: dict[str, Number]
    inputs: dict[str, Number]
    given: tuple[Number, ...]


@dataclass(frozen=True)
class PassResult:
    """What a forward and a backward pass make: gradients by input and by leaf, as torch has them."""

    outputs: Leaves
    loss: Any
    changed: Leaves
    by_input: Arrays
    by_leaf: Arrays


class PortByModule(PortSide):
    """Returns what ``PortSide`` does, its arrays put aside.

    Raises, when it is run:
        UncutError: a program cannot be cut.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert self.prepared.aside is not None
        self.aside: Aside = self.prepared.aside
        self._compiler = Compiler(self.aside, self.compiling)
        self._cut: dict[Hashable, Any] = {}

    def run(self, entering: Entering, mode: Mode = None, dropped: Dropped = ()) -> Result:
        batch = entering.batches[0]
        with self.x64():
            made, inputs = self._passed(entering, mode, dropped, 0, {})
            arrays: Arrays = {name: self.aside.put(from_jax(array)) for name, array in made.outputs.items()}
            arrays |= {"loss": from_jax(made.loss)} if made.loss is not None else {}
            gradients = dict(self.by_reference(made.by_leaf))
            arrays |= {f"grad/{name}": gradients[name] for name in entering.weights if name in gradients}
            arrays |= {f"grad/input.{name}": made.by_input[name] for name in batch.floating}
            arrays |= self._buffers(made.changed)
        trim()
        return self._result(arrays, mode, batch, inputs, dropped)

    def steps(self, entering: Entering, dropped: Dropped = (), slots: frozenset[str] = frozenset()) -> Result:
        mode, hyper = self.prepared.modes[0], dict(entering.hyper)
        with self.x64():
            held: Leaves = {}  # leaves that a step has changed
            state, taken = self._started(entering, hyper), list[Arrays]()
            for number, batch in enumerate(entering.batches):
                fed = replace(entering, batches=(batch,))
                made, inputs = self._passed(fed, mode, dropped, number, held)
                before = dict(held)
                after, state = self._updated(entering, held, made.by_leaf, state, hyper)
                held |= {path: np.asarray(leaf) for path, leaf in made.changed.items()} | after
                taken.append(dict(self._changes(entering, before, held)))
                taken[-1] |= {"loss": from_jax(made.loss)} if made.loss is not None else {}
            still = self.prepared.still_leaves
            kept = {path: held.get(path) for path in self.prepared.leaves if not is_parameter(path) or path in still}
            kept = {path: self.leaf(entering, path) if leaf is None else leaf for path, leaf in kept.items()}
            taken[-1] |= self._buffers(kept) if mode is not False else {}
            for slot, tree in moments_of_optax(state, self.prepared.port.flat, set(slots)).items():
                moments = self.by_reference({path: np.asarray(leaf) for path, leaf in tree.items()}, values=True)
                taken[-1] |= {
                    f"optimizer/{slot}/{name}": self.aside.put(wide(array))
                    for name, array in moments
                    if name in entering.weights
                }
        trim()
        return self._result(steps_named(taken), mode, batch, inputs, dropped)

    def leaf(self, entering: Entering, path: str, held: Mapping[str, Any] | None = None) -> jax.Array:
        """One leaf, on the device: of ``held`` where it is there, else of what enters."""
        if held and path in held:
            touched(held[path].nbytes)
            return jax.device_put(held[path], self.device)
        lines = [entry for entry in self.prepared.weight_map.entries if entry.port == path]
        arrays = {one.reference: _entering(entering, one.reference) for one in lines}
        dtype, shapes = NUMPY_FLOAT.get(self.precision), {path: self.prepared.leaves[path]}
        ((_, array),) = WeightMap(lines).each_to_port(arrays, shapes, dtype, exact=True)
        touched(array.nbytes)
        return to_jax(array, self.precision, self.device, given_up=True)

    def _passed(
        self, entering: Entering, mode: Mode, dropped: Dropped, step: int, held: Mapping[str, Any]
    ) -> tuple[PassResult, Leaves]:
        """One forward and backward pass on the first batch, with the masks of a step; and the batch's inputs."""
        run, model, against, inputs = self.begun(entering, mode, dropped, step, held)
        named, loss, changed = run.forward()
        numbers = {"loss": model.pieces.returned[1]} if "loss" in against else model.pieces.returned[0]
        pulled = run.backward((numbers[name], as_torch_has_it(array)) for name, array in against.items())

        def gradient(number: Number) -> np.ndarray:
            if number in pulled:
                return as_torch_has_it(pulled.array(number))
            # Nothing that is compared depends on it.
            aval, real = model.pieces.steps.avals[number], NUMPY_FLOAT.get(self.precision, np.float32)
            return np.zeros(aval.shape, np.result_type(real, np.complex64) if aval.dtype.kind == "c" else real)

        by_input = {name: gradient(number) for name, number in model.inputs.items()}
        by_leaf = {path: gradient(number) for path, number in model.leaves.items() if is_parameter(path)}
        return PassResult(named, loss, changed, by_input, by_leaf), inputs

    def begun(
        self, entering: Entering, mode: Mode, dropped: Dropped, step: int = 0, held: Mapping[str, Any] | None = None
    ) -> tuple[Pass, ModelPieces, dict[str, jax.Array], Leaves]:
        """A pass that has not run, its pieces, what gradients are taken against, and the batch's inputs."""
        structs, (inputs, targets) = self._structs(), self.batch(entering.batches[0])
        masks = self.masks(entering, dropped, step)
        against = self._cotangents(structs, inputs, masks, entering, mode)
        key = program_key(mode, entering.batches[0], inputs, [mask.shape for mask in masks])
        if key not in self._cut:
            self._cut[key] = self._model(entering, inputs, targets, masks, mode)
        model: ModelPieces = self._cut[key]
        values = KeptValues(self.aside, zip(model.given, jax.tree.leaves((inputs, targets, masks)), strict=True))
        read = {number: partial(self.leaf, entering, path, held or {}) for path, number in model.leaves.items()}
        run = Pass(self._compiler, model.pieces, values, read, self.aside, self.device, self._called)
        return run, model, against, inputs

    def _model(self, entering: Entering, inputs: Leaves, targets: Leaves, masks: tuple, mode: Mode) -> ModelPieces:
        batch = entering.batches[0]

        def whole(leaves: Leaves, inputs: Leaves, targets: Leaves, masks: tuple) -> tuple[Tree, Tree, Leaves]:
            outputs, changed = self._forward(leaves, inputs, masks, mode, batch)
            loss = self._scored(outputs, targets, batch) if self.pair.loss is not None else None
            still = {path: leaves[path] for path in self.prepared.still_leaves if mode is not False}
            return outputs_by_name(outputs), loss, still | changed

        closed, structure = self._traced(whole, (self._structs(), inputs, targets, masks))
        paths, entered = sorted(self.prepared.leaves), sorted(inputs)  # as JAX sorts a dictionary's keys
        trained = [at for at, path in enumerate(paths) if is_parameter(path)]
        steps = steps_of(closed, trained)
        given = steps.given[len(paths) :]
        floats = {
            name: number
            for name, number in zip(entered, given, strict=False)
            if jnp.issubdtype(inputs[name].dtype, jnp.inexact)
        }
        parameters = {steps.given[at] for at in trained}
        cuts = cuts_of(steps, parameters)
        self.aside.note_cuts(len(cuts))
        moving = moving_in(steps, parameters | set(floats.values()))
        pieces = Pieces(steps, cuts, jax.tree.unflatten(structure, steps.outputs), moving, self.replayed)
        return ModelPieces(pieces, dict(zip(paths, steps.given, strict=False)), floats, given)

    def _traced(self, function: Callable[..., Tree], args: tuple, plain: bool = False) -> tuple[Any, Any]:
        """A program as this side runs it, and the tree that it returns: of a promoted side traced as that is, unless
        ``plain``."""
        from compare.frameworks.islands.lowered import Kept
        from compare.frameworks.islands.port import trace_kept

        if self.promoted and not plain:
            return trace_kept(function, self.kept or Kept(), *args)
        closed, shape = jax.make_jaxpr(function, return_shape=True)(*args)
        return closed, jax.tree.structure(shape)

    def _started(self, entering: Entering, hyper: dict[str, float]) -> Tree:
        """The optimizer's state at the start, put aside."""
        return self._through(
            "init", self._trace_init, (self._structs(), hyper), self._readers(entering, {}), plain=True
        )

    def _updated(
        self, entering: Entering, held: Leaves, by_leaf: Arrays, state: Tree, hyper: dict[str, float]
    ) -> tuple[Leaves, Tree]:
        """The leaves that a step trains, and the state, after it."""
        structs = self._structs()
        gradients = {path: structs[path] for path in by_leaf}
        states = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), state)
        read: list[Callable[[], Any]] = [
            *self._readers(entering, held),
            *(partial(self._there, by_leaf[path]) for path in sorted(by_leaf)),
            *(partial(self._there, leaf) for leaf in jax.tree.leaves(state)),
        ]
        return self._through("update", self._trace_update, (structs, gradients, states, hyper), read)

    def _through(
        self,
        name: str,
        function: Callable[..., Tree],
        args: tuple,
        read: list[Callable[[], Any]],
        plain: bool = False,
    ) -> Tree:
        """What a function returns that has no derivative here, piece by piece, put aside. ``read``: what reads its
        first arguments, in the order of their leaves; the others are numbers; ``plain``: as a side that is not
        promoted."""
        if name not in self._cut:
            closed, structure = self._traced(function, args, plain)
            steps = steps_of(closed, range(len(read)), by_output=True)
            cuts = cuts_of(
                steps, set(steps.given[: len(read)]), PIECE_OF_UPDATE, max(1, len(read) // len(self.prepared.leaves))
            )
            returned = jax.tree.unflatten(structure, steps.outputs)
            self._cut[name] = Pieces(steps, cuts, returned, evaluated=(lambda one: one) if plain else self.replayed)
        pieces: Pieces = self._cut[name]
        numbers = jax.tree.leaves(args)[len(read) :]
        own = zip(pieces.steps.given[len(read) :], map(jnp.asarray, numbers), strict=True)
        by_number = dict(zip(pieces.steps.given, read, strict=False))
        values = KeptValues(self.aside, own)
        called = f"{self._called}, {'the update' if name == 'update' else 'the optimizer begun'}"
        return Pass(self._compiler, pieces, values, by_number, self.aside, self.device, called).through()

    @property
    def _called(self) -> str:
        return f"the port in {self.precision.name}{', promoted' if self.promoted else ''}"

    def _readers(self, entering: Entering, held: Mapping[str, Any]) -> list[Callable[[], Any]]:
        return [partial(self.leaf, entering, path, held) for path in sorted(self.prepared.leaves)]

    def _there(self, array: Any) -> jax.Array:
        touched(array.nbytes)
        return jax.device_put(array, self.device)

    def _changes(self, entering: Entering, before: Leaves, after: Leaves) -> Iterator[tuple[str, np.ndarray]]:
        """What a step changes of each parameter, in float64, under the reference's names and in its layout."""
        for lines in connected(self.prepared.weight_map):
            paths = [path for path in lines.ports if is_parameter(path)]
            two = [
                lines.to_reference(
                    {path: from_jax(self.leaf(entering, path, held)) for path in paths},
                    self.prepared.shapes,
                    values=True,
                )
                for held in (before, after)
            ]
            for name in two[0]:
                if name in entering.weights:
                    yield f"update/{name}", self.aside.put(wide(two[1][name]) - wide(two[0][name]))

    def by_reference(self, by_leaf: Arrays, values: bool = False) -> Iterator[tuple[str, np.ndarray]]:
        """Leaves under the reference's names and in its layout, put aside, those that lines connect at a time."""
        for lines in connected(self.prepared.weight_map):
            together = {one.port: by_leaf.pop(one.port) for one in lines.entries if one.port in by_leaf}
            held = {id(array) for array in together.values()}
            for name, array in lines.to_reference(together, self.prepared.shapes, values).items():
                yield name, array if id(array) in held else self.aside.put(array)


def _entering(entering: Entering, name: str) -> np.ndarray:
    return entering.weights[name] if name in entering.weights else entering.buffers[name]


def connected(weight_map: WeightMap) -> list[WeightMap]:
    """The lines of a map in groups that share no array of either side."""
    groups: list[tuple[set[str], list[Entry]]] = []
    for entry in weight_map.entries:
        names, lines = {f"reference {entry.reference}", f"port {entry.port}"}, list[Entry]()
        apart = []
        for group in groups:
            if group[0].isdisjoint(names):
                apart.append(group)
            else:
                names |= group[0]
                lines += group[1]
        groups = [*apart, (names, [*lines, entry])]
    return [WeightMap(lines) for _, lines in groups]
