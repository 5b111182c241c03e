"""The port, cut: run with the reference's arrays in the place of its own at every cut, or as it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from compare.arrays import from_jax
from compare.locate.calls import Watch, watched
from compare.locate.cuts import Cut, Shape
from compare.models.modes import Mode
from compare.pair import Entering
from compare.sides.port import Dropped, Form, Leaves, PortSide, is_parameter, outputs_by_name
from compare.weights import Arrays


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
        self._crossing = self._compiled(self._trace_crossing)

    def cuts(self, entering: Entering, mode: Mode, dropped: Dropped) -> dict[Cut, Shape]:
        """Every cut of the forward pass with its shape; computes nothing."""
        shapes: dict[Cut, Shape] = {}

        def seen(path: str, call: int, way: str, arrays: list[Any]) -> list[Any]:
            shapes.update({Cut(path, call, way, leaf): one.shape for leaf, one in enumerate(arrays)})
            return arrays

        def forward(leaves: Leaves, inputs: Leaves, masks: tuple) -> None:
            watch = Watch(self.paths, seen)
            with watched(self.prepared.port, watch):
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
    ) -> Crossed:
        """One run with all its gradients.

        Args:
            onwards: what goes on from each cut, in the port's layout; against: the cotangent of what arrives there. A
                cut without one is open on the way back.
            free: the run is the port's own: of both only the cuts and the shapes matter.
        """
        batch = entering.batches[0]
        with self.x64():
            _, *beside = self._given(entering, mode, dropped)
            values, backs = (
                {cut: self._array(np.zeros_like(array) if free else array) for cut, array in arrays.items()}
                for arrays in (onwards, against)
            )
            made = self._crossing(
                self.leaves(entering), *beside, values, backs, np.bool_(free), mode=mode, form=Form(batch)
            )
            (raw, outputs, loss, changed), (by_input, by_leaf, by_cut) = made
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
        onwards: dict[Cut, Any], backs: dict[Cut, Any], free: Any, mode: Mode, form: Form,
    ) -> Any:  # fmt: skip
        parameters = {path: leaf for path, leaf in leaves.items() if is_parameter(path)}
        rest = {path: leaf for path, leaf in leaves.items() if path not in parameters}
        floats = {name: array for name, array in inputs.items() if jnp.issubdtype(array.dtype, jnp.floating)}

        def ends_of(floats: Leaves, parameters: Leaves, onwards: dict[Cut, Any]) -> Any:
            raw: dict[Cut, Any] = {}

            def crossed(cut: Cut, own: Any) -> Any:
                raw[cut] = own
                if cut not in onwards:
                    return own
                other = onwards[cut].astype(own.dtype)
                if cut in backs:
                    return other + jnp.where(free, own, jnp.zeros_like(own))
                return own + jnp.where(free, jnp.zeros_like(own), jax.lax.stop_gradient(other - own))

            def seen(path: str, call: int, way: str, arrays: list[Any]) -> Sequence[Any]:
                return [crossed(Cut(path, call, way, leaf), one) for leaf, one in enumerate(arrays)]

            with watched(self.prepared.port, Watch(self.paths, seen)):
                outputs, changed = self._forward(parameters | rest, inputs | floats, masks, mode, form.batch)
            by_name = outputs_by_name(outputs)
            loss = self._scored(outputs, targets, form.batch) if self.pair.loss is not None else None
            last = {"loss": loss} if loss is not None else {name: by_name[name] for name in against}
            return ({cut: raw[cut] for cut in backs}, last), (raw, by_name, loss, changed)

        ends, pull_back, made = jax.vjp(ends_of, floats, parameters, onwards, has_aux=True)
        return made, pull_back(jax.tree.map(lambda end, back: back.astype(end.dtype), ends, (backs, against)))

    def program_of_cuts(
        self, entering: Entering, mode: Mode, dropped: Dropped, onwards: Mapping[Cut, np.ndarray]
    ) -> tuple[Any, list[Cut | str]]:
        """The forward pass as a program of what goes on from each cut, and which of its results is what: what arrives
        at a cut, or a quantity at the end."""
        form = Form(entering.batches[0])
        names: list[Cut | str] = []

        def forward(
            leaves: Leaves, inputs: Leaves, targets: Leaves, masks: tuple, onwards: dict[Cut, Any]
        ) -> list[Any]:
            raw: dict[Cut | str, Any] = {}

            def seen(path: str, call: int, way: str, arrays: list[Any]) -> Sequence[Any]:
                raw.update({cut: own for cut, own in _numbered(path, call, way, arrays) if cut in onwards})
                return [onwards.get(cut, own) for cut, own in _numbered(path, call, way, arrays)]

            with watched(self.prepared.port, Watch(self.paths, seen)):
                outputs, _ = self._forward(leaves, inputs, masks, mode, form.batch)
            raw.update(outputs_by_name(outputs))
            if self.pair.loss is not None:
                raw["loss"] = self._scored(outputs, targets, form.batch)
            names.extend(raw)
            return list(raw.values())

        with self.x64():
            leaves, inputs, targets, _, masks = self._given(entering, mode, dropped)
            values = {cut: self._array(array) for cut, array in onwards.items()}
            return jax.make_jaxpr(forward)(leaves, inputs, targets, masks, values), names


def _numbered(path: str, call: int, way: str, arrays: list[Any]) -> list[tuple[Cut, Any]]:
    return [(Cut(path, call, way, leaf), one) for leaf, one in enumerate(arrays)]
