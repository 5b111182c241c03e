"""The port's side: one model as pure functions, compiled once at one precision on one device."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import optax

from compare.arrays.arrays import Arrays, from_jax, wide
from compare.arrays.batch import Batch
from compare.errors import shown
from compare.frameworks.dropout.port import in_stream
from compare.frameworks.islands.lowered import Kept
from compare.frameworks.meshes.mesh_program import MeshProgram, mesh_program
from compare.frameworks.meshes.traced_elsewhere import traced_for
from compare.frameworks.models.modes import Mode
from compare.pair.fields import FieldError, answer_of
from compare.pair.pair import Entering, Optimizers
from compare.pair.prepared import Prepared
from compare.sides.moments import moments_of_optax, widened
from compare.sides.port_forward import (
    Form,
    Leaves,
    PortForward,
    Program,
    Tree,
    as_torch_has_it,
    is_parameter,
    outputs_by_name,
    program_key,
)
from compare.sides.shelf import Growing
from compare.sides.side import Dropped, Result, Run, step_named
from compare.sides.tied_gradients import summed_of_tied
from compare.verdict.precision import Precision


class PortSide(PortForward):
    """Runs the port as pure functions of what enters, so a mutant of what enters reuses the compiled program.

    With ``promoted``, the program is replayed with everything that the model's own code lowers raised to float64.

    Attributes:
        compiling: options of the compiler, where a program is no matter of speed.
        on_mesh: of a side on a mesh, what the first program of each mode does with it.
    """

    compiling: dict[str, bool | int] | None = None

    def __init__(
        self,
        prepared: Prepared,
        precision: Precision,
        device: jax.Device,
        promoted: bool = False,
        exact: Sequence[tuple[np.ndarray, np.ndarray]] = (),
        shapes: dict[Program, Leaves] | None = None,
        bits: int = 0,
        kept: Kept | None = None,
    ) -> None:
        """``exact``: of a promoted side, what constants hold, and the values that take its place (see
        ``compare.frameworks.islands.witness``); ``bits``: to how many every result in float64 is rounded, 0 for all;
        ``kept``, of a promoted side: what below the working precision it does all the same."""
        super().__init__(prepared, precision, device, shapes, kept)
        self.promoted, self._exact, self._bits = promoted, exact, bits
        self.on_mesh: dict[Mode, MeshProgram] = {}
        self._value_and_grads = self._compiled(self._trace_value_and_grads)
        self._init = jax.jit(self._trace_init)
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
            traced = self._value_and_grads.trace(structs, *beside, **static)
            compiled = traced.lower().compile()
            if self.placing.layout and mode not in self.on_mesh:
                self.on_mesh[mode] = mesh_program(traced.jaxpr, compiled.as_text() or "")
            del traced, compiled
            arrays = self._named(entering, *self._value_and_grads(self.leaves(entering), *beside, **static))
            return self._result(arrays, mode, batch, inputs, dropped)

    def in_streams(self, entering: Entering, mode: Mode, dropped: Dropped, streams: Sequence[int]) -> list[Result]:
        """What ``run`` returns, once for each number, with other random numbers each time; the masks stay. It is one
        program, so that what does not depend on them is the same in every bit."""
        batch = entering.batches[0]
        with self.x64():
            function, args = self.program(entering, mode, dropped)

            def drawing(stream: jax.Array, *args: Tree) -> Tree:
                with in_stream(stream):
                    return function(*args)

            compiled = jax.jit(drawing)
            runs = [self._named(entering, *compiled(np.uint32(number), *args)) for number in streams]
            return [self._result(arrays, mode, batch, args[1], dropped) for arrays in runs]

    def _named(
        self, entering: Entering, outputs: Leaves, loss: jax.Array | None, grads: tuple[Leaves, Leaves], changed: Leaves
    ) -> Arrays:
        """What the value-and-gradient function returned, as ``run`` names it."""
        arrays = {name: from_jax(array) for name, array in outputs.items()}
        arrays |= {"loss": from_jax(loss)} if loss is not None else {}
        by_input, by_leaf = grads
        named = self._to_reference(by_leaf)
        arrays |= {f"grad/{name}": named[name] for name in entering.weights if name in named}
        arrays |= {f"grad/input.{name}": from_jax(by_input[name]) for name in entering.batches[0].floating}
        return arrays | self._buffers(changed)

    def _result(self, arrays: Run, mode: Mode, batch: Batch, inputs: Leaves, dropped: Dropped) -> Result:
        replay = self._replays.get(program_key(mode, batch, inputs, [shape for shape, _ in dropped]))
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

    def steps(self, entering: Entering, dropped: Dropped = (), slots: frozenset[str] = frozenset()) -> Result:
        """One optimizer step on each batch in turn, each a pure function of (leaves, optimizer state, batch).

        ``slots``: what torch's optimizer keeps, and the port's is searched for.
        """
        mode = self.prepared.modes[0]
        with self.x64():
            leaves, hyper, taken = self.leaves(entering), dict(entering.hyper), Growing()
            # On the device like the leaves, or the first step's program would serve the first step only.
            state = jax.device_put(self._init(leaves, hyper), self.placing.whole)
            before = self.parameters(leaves, entering)
            for number, batch in enumerate(entering.batches):
                inputs, targets = self.batch(batch)
                masks = self.masks(entering, dropped, number)
                against = self._cotangents(leaves, inputs, masks, entering, mode)
                leaves, state, loss = self._step(
                    leaves, state, inputs, targets, against, masks, hyper, mode=mode, form=Form(batch)
                )
                if self.placing.layout:  # as they lay before, wherever the compiler has put them
                    leaves = {path: jax.device_put(leaf, self.placing.leaf(path)) for path, leaf in leaves.items()}
                    state = jax.device_put(state, self.placing.whole)
                after = self.parameters(leaves, entering)
                made = {f"update/{name}": after[name] - before[name] for name in after}
                made |= {"loss": from_jax(loss)} if self.pair.loss is not None else {}
                taken.add(step_named(number + 1, made))
                before = after
            still = self.prepared.still_leaves
            kept = {path: leaf for path, leaf in leaves.items() if not is_parameter(path) or path in still}
            made = self._buffers(kept) if mode is not False else {}
            for slot, tree in moments_of_optax(state, self.prepared.port.flat, set(slots)).items():
                named = widened(self._to_reference(tree, values=True))
                made |= {f"optimizer/{slot}/{name}": named[name] for name in after if name in named}
            taken.add(step_named(len(entering.batches), made))
            return self._result(taken.arrays, mode, batch, inputs, dropped)

    def parameters(self, leaves: Leaves, entering: Entering) -> Arrays:
        """The parameters that train in float64, under the reference's names and in its layout."""
        named = self._to_reference({path: leaf for path, leaf in leaves.items() if is_parameter(path)}, True)
        return {name: wide(array) for name, array in named.items() if name in entering.weights}

    def _trace_value_and_grads(
        self, leaves: Leaves, inputs: Leaves, targets: Leaves, against: Leaves, masks: tuple, mode: Mode, form: Form
    ) -> tuple[Leaves, jax.Array | None, tuple[Leaves, Leaves], Leaves]:
        parameters = {path: leaf for path, leaf in leaves.items() if is_parameter(path)}
        rest = {path: leaf for path, leaf in leaves.items() if path not in parameters}
        floats = {name: array for name, array in inputs.items() if jnp.issubdtype(array.dtype, jnp.inexact)}

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
        still = {path: leaves[path] for path in self.prepared.still_leaves if mode is not False}
        return named, loss, as_torch_has_it(pull_back(as_torch_has_it(cotangent))), still | changed

    def _trace_init(self, leaves: Leaves, hyper: dict[str, float]) -> Tree:
        return self.optimizer(hyper).init(self._tree(leaves))

    def _trace_step(
        self, leaves: Leaves, state: Tree, inputs: Leaves, targets: Leaves, against: Leaves, masks: tuple,
        hyper: dict[str, float], mode: Mode, form: Form,
    ) -> tuple[Leaves, Tree, jax.Array | None]:  # fmt: skip
        _, loss, (_, grads), changed = self._trace_value_and_grads(leaves, inputs, targets, against, masks, mode, form)
        after, state = self._trace_update(leaves, grads, state, hyper)
        return leaves | changed | after, state, loss

    def _trace_update(self, leaves: Leaves, grads: Leaves, state: Tree, hyper: dict[str, float]) -> tuple[Leaves, Tree]:
        """The parameters and the optimizer's state after a step; those that are frozen as they were."""
        params, frozen = self._tree(leaves), self.prepared.frozen_leaves
        grads = {path: jnp.zeros_like(leaf) if path in frozen else leaf for path, leaf in grads.items()}
        if self.prepared.trained_as_one:
            grads = summed_of_tied(self.prepared.weight_map, self.prepared.shapes, grads)
        updates, state = self.optimizer(hyper).update(self._tree(grads), state, params)
        after = self.prepared.port.flat(optax.apply_updates(params, updates))
        return after | {path: leaves[path] for path in frozen}, state

    def optimizer(self, hyper: Mapping[str, float]) -> optax.GradientTransformation:
        """The pair's own, of these hyper-parameters."""
        training = self.pair.training()
        assert training is not None
        return transformation_of(training, hyper)

    def update_program(self, entering: Entering) -> "jax.extend.core.ClosedJaxpr":
        """One update of the optimizer, as it is traced, from gradients like the parameters. Computes nothing."""
        optimizer = self.optimizer(entering.hyper)
        with self.x64():
            params = self._tree(self._structs())
            return jax.make_jaxpr(lambda tree: optimizer.update(tree, optimizer.init(tree), tree)[0])(params)

    def _buffers(self, changed: Leaves) -> Arrays:
        named = self._to_reference(changed)
        return {f"state/{name}": named[name] for name in self.prepared.buffers if name in named}

    def _compiled(self, function: Callable[..., Tree]) -> jax.stages.Wrapped:
        told = self.placing.layout.told if self.placing.layout else None
        if not (self.promoted or self._bits or told):
            return jax.jit(function, static_argnames=("mode", "form"), compiler_options=self.compiling)

        def replayed(*args: Tree, mode: Mode, form: Form) -> Tree:
            called = partial(function, mode=mode, form=form)
            return self.replayed(traced_for(told.devices.abstract_mesh, called) if told else called)(*args)

        return jax.jit(replayed, static_argnames=("mode", "form"), compiler_options=self.compiling)

    def replayed(self, function: Callable[..., Tree]) -> Callable[..., Tree]:
        """A function of arrays as this side runs it: of a promoted side, with what its code lowers raised; of one that
        counts in fewer bits, with every result rounded to them."""
        from compare.frameworks.islands.witness import replay_with
        from compare.frameworks.rounding.port import rounded_jax

        evaluated = replay_with(function, self._exact, self.kept) if self.promoted else function
        return rounded_jax(evaluated, self._bits) if self._bits else evaluated

    def _to_reference(self, leaves: Leaves, values: bool = False) -> Arrays:
        arrays = {path: from_jax(leaves[path]) for path in leaves}
        leaves.clear()
        return self.prepared.weight_map.to_reference(arrays, self.prepared.shapes, values, consume=True)


def transformation_of(training: Optimizers, hyper: Mapping[str, float]) -> optax.GradientTransformation:
    """The optax transformation that a pair steps its port with.

    Raises:
        FieldError: the pair's function raises, or returns none.
    """
    transformation = answer_of("optimizers", training.port, **hyper)
    if not hasattr(transformation, "update"):
        raise FieldError(f"optimizers= returned {shown(transformation)}: expected an optax transformation")
    return transformation
