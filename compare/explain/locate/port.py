"""The port, cut: run with the reference's arrays in the place of its own at every cut, or as it is."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from compare.arrays.arrays import Arrays, from_jax
from compare.explain.locate.cuts import Cut, Shape
from compare.explain.locate.layer_calls import Watch
from compare.frameworks.islands.lowered import Kept
from compare.frameworks.islands.port import trace_kept
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.port import PortSide
from compare.sides.port_forward import Form, Leaves, as_torch_has_it, is_parameter, outputs_by_name
from compare.sides.side import Dropped

# A program of cuts runs a few times: what a compiler would do to make it fast costs more than it saves.
QUICKLY: dict[str, bool | int] = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


@dataclass(frozen=True)
class Crossed:
    """What a run of the port made at its cuts, in its own layout, and at its ends, in the reference's.

    Attributes:
        values: what arrived at each cut; cotangents: what came back to what went on from there.
        ends: outputs, loss, gradients and statistics, by quantity.
    """

    values: dict[Cut, np.ndarray]
    cotangents: dict[Cut, np.ndarray]
    ends: Arrays = field(default_factory=dict)


class CutPort(PortSide):
    """The port as a function of what goes on from each cut as well.

    Attributes:
        paths: the port's layers that are watched.
        places: of each of their calls, "file:line" of the user's code.
    """

    def __init__(self, paths: Mapping[str, str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.paths = dict(paths)
        self.places: dict[tuple[str, int], str] = {}
        self.compiling = QUICKLY if self.device.platform == "cpu" else None
        self._crossing = self._compiled(self._trace_crossing)

    def cuts(self, entering: Entering, mode: Mode, dropped: Dropped) -> dict[Cut, Shape]:
        """Every cut of the forward pass with its shape; computes nothing."""
        shapes: dict[Cut, Shape] = {}

        def seen(path: str, call: int, way: str, arrays: list[jax.Array]) -> list[jax.Array]:
            shapes.update({Cut(path, call, way, leaf): array.shape for leaf, array in enumerate(arrays)})
            return arrays

        def forward(leaves: Leaves, inputs: Leaves, masks: tuple) -> None:
            watch = Watch(self.paths, seen)
            with self.prepared.port.watched(watch.around):
                self._forward(leaves, inputs, masks, mode, batch)
            self.places |= watch.places

        batch = entering.batches[0]
        with self.x64():
            inputs, _ = self.batch(batch)
            jax.eval_shape(forward, self.leaves(entering), inputs, self.masks(entering, dropped))
        return shapes

    def cross(
        self,
        entering: Entering,
        mode: Mode,
        dropped: Dropped,
        onwards: Mapping[Cut, np.ndarray],
        against: Mapping[Cut, np.ndarray],
        free: bool = False,
        opened: Collection[Cut] = (),
    ) -> Crossed:
        """One run with all its gradients.

        Args:
            onwards: what goes on from each cut, in the port's layout; against: the cotangent of what arrives there. A
                cut without one is open on the way back.
            free: the run is the port's own: of both only the cuts and the shapes matter.
            opened: the cuts at which the port's own arrays go on; the gradients are then no matter.
        """
        batch = entering.batches[0]
        with self.x64():
            _, *beside = self._given(entering, mode, dropped)
            values, backs = (
                {cut: self._array(np.zeros_like(array) if free else array) for cut, array in arrays.items()}
                for arrays in (onwards, against)
            )
            opens = {cut: np.bool_(free or cut in opened) for cut in onwards}
            given = (self.leaves(entering), *beside, values, backs, opens)
            forward, gradients = self._crossing(*given, mode=mode, form=Form(batch))
            raw, outputs, loss, changed = forward
            by_input, by_leaf, by_cut = gradients
            ends = {name: from_jax(array) for name, array in outputs.items()}
            ends |= {"loss": from_jax(loss)} if self.pair.loss is not None else {}
            by_name = self._to_reference(by_leaf)
            ends |= {f"grad/{name}": by_name[name] for name in entering.weights if name in by_name}
            ends |= {f"grad/input.{name}": from_jax(by_input[name]) for name in batch.floating}
            return Crossed(
                {cut: from_jax(array) for cut, array in raw.items()},
                {cut: from_jax(array) for cut, array in by_cut.items()},
                ends | self._buffers(changed),
            )

    def _trace_crossing(
        self, leaves: Leaves, inputs: Leaves, targets: Leaves, against: Leaves, masks: tuple,
        onwards: dict[Cut, jax.Array], backs: dict[Cut, jax.Array], opens: dict[Cut, jax.Array], mode: Mode, form: Form,
    ) -> Any:  # fmt: skip
        parameters = {path: leaf for path, leaf in leaves.items() if is_parameter(path)}
        rest = {path: leaf for path, leaf in leaves.items() if path not in parameters}
        floats = {name: array for name, array in inputs.items() if jnp.issubdtype(array.dtype, jnp.inexact)}

        def ends_of(floats: Leaves, parameters: Leaves, onwards: dict[Cut, jax.Array]) -> Any:
            raw: dict[Cut, jax.Array] = {}

            def crossed(cut: Cut, own: jax.Array) -> jax.Array:
                raw[cut] = own
                if cut not in onwards:
                    return own
                return _going_on(own, onwards[cut].astype(own.dtype), opens[cut], opens[cut] | (cut not in backs))

            def seen(path: str, call: int, way: str, arrays: list[jax.Array]) -> Sequence[jax.Array]:
                return [crossed(Cut(path, call, way, leaf), array) for leaf, array in enumerate(arrays)]

            with self.prepared.port.watched(Watch(self.paths, seen).around):
                outputs, changed = self._forward(parameters | rest, inputs | floats, masks, mode, form.batch)
            by_name = outputs_by_name(outputs)
            loss = self._scored(outputs, targets, form.batch) if self.pair.loss is not None else None
            last = {"loss": loss} if loss is not None else {name: by_name[name] for name in against}
            return ({cut: raw[cut] for cut in backs}, last), (raw, by_name, loss, changed)

        ends, pull_back, kept = jax.vjp(ends_of, floats, parameters, onwards, has_aux=True)
        sent = jax.tree.map(lambda end, back: back.astype(end.dtype), ends, (backs, against))
        return kept, as_torch_has_it(pull_back(as_torch_has_it(sent)))

    def program_of_cuts(
        self, entering: Entering, mode: Mode, dropped: Dropped, onwards: Mapping[Cut, np.ndarray]
    ) -> "CutProgram":
        """The forward pass as a program of what goes on from each cut."""
        form = Form(entering.batches[0])
        names: list[Cut | str] = []

        def forward(
            leaves: Leaves, inputs: Leaves, targets: Leaves, masks: tuple, onwards: dict[Cut, jax.Array]
        ) -> list[jax.Array]:
            raw: dict[Cut | str, jax.Array] = {}

            def seen(path: str, call: int, way: str, arrays: list[jax.Array]) -> Sequence[jax.Array]:
                raw.update(_numbered(path, call, way, arrays))
                return [onwards.get(cut, own) for cut, own in _numbered(path, call, way, arrays)]

            with self.prepared.port.watched(Watch(self.paths, seen).around):
                outputs, _ = self._forward(leaves, inputs, masks, mode, form.batch)
            raw.update(outputs_by_name(outputs))
            if self.pair.loss is not None:
                raw["loss"] = self._scored(outputs, targets, form.batch)
            names[:] = raw
            return list(raw.values())

        def arguments() -> list[jax.Array]:
            _, inputs, targets, _, masks = self._given(entering, mode, dropped)
            values = {cut: self._array(array) for cut, array in onwards.items()}
            return jax.tree.leaves((self.leaves(entering), inputs, targets, masks, values))

        with self.x64():
            structs, inputs, targets, _, masks = self._given(entering, mode, dropped)
            values = {cut: self._array(array) for cut, array in onwards.items()}
            given = (structs, inputs, targets, masks, values)
            if self.promoted:
                program, _ = trace_kept(forward, self.kept or Kept(), *given)
            else:
                program = jax.make_jaxpr(forward)(*given)
        return CutProgram(program, names, arguments)


@dataclass(frozen=True)
class CutProgram:
    """A traced forward pass between cuts.

    Attributes:
        names: of its results: what arrives at a cut, or a quantity at the end.
        arguments: makes what it is called with, in ``x64`` of the side that traced it.
    """

    program: "core.ClosedJaxpr | core.Jaxpr"
    names: list[Cut | str]
    arguments: Callable[[], list[jax.Array]]

    def results(self, wanted: Sequence[Cut | str]) -> list[int]:
        """The positions of some results."""
        return [at for at, name in enumerate(self.names) if name in wanted]


@jax.custom_jvp
def _going_on(own: jax.Array, sent: jax.Array, is_open: jax.Array, follows: jax.Array) -> jax.Array:
    """``sent``, or at an open cut ``own``; derived as ``sent``, and where ``follows`` as ``own`` as well."""
    return jnp.where(is_open, own, sent)


@_going_on.defjvp
def _derived(primals: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
    own, sent, is_open, follows = primals
    by_own, by_sent, *_ = tangents
    return _going_on(own, sent, is_open, follows), by_sent + jnp.where(follows, by_own, jnp.zeros_like(by_own))


def _numbered(path: str, call: int, way: str, arrays: list[jax.Array]) -> list[tuple[Cut, jax.Array]]:
    return [(Cut(path, call, way, leaf), array) for leaf, array in enumerate(arrays)]
