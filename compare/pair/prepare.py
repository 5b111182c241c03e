"""A pair made ready to run: its models as functions of named arrays, and the weight map and layouts between them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from compare.arrays.arrays import PARAMS, Arrays
from compare.arrays.aside import Aside
from compare.arrays.batch import Batch
from compare.errors import UsageError, swallowed
from compare.frameworks.blame import described
from compare.frameworks.models.choose import Streamed, is_function_alone, port_model
from compare.frameworks.spectral_norm import said_of_spectral_norm
from compare.pair.accepted import check_accepted, matches
from compare.pair.adapters import adapted_port, adapted_reference
from compare.pair.added_scales import told_by_values
from compare.pair.drawing import drawn
from compare.pair.joined_as_told import joined_as_told
from compare.pair.one_alone import one_alone
from compare.pair.own_tables import own_tables
from compare.pair.pair import Entering, Pair
from compare.verdict.precision import FLOAT32, Precision
from compare.weights.entry import Sum, same
from compare.weights.mapping.offsets import offset_lines, said_of_offsets
from compare.weights.weights import WeightMap

if TYPE_CHECKING:
    from compare.frameworks.meshes.layout import MeshLayout
    from compare.frameworks.meshes.mesh_devices import BuiltMesh
    from compare.frameworks.models.ports import PortModel
    from compare.frameworks.models.references import Reference, ReferenceModel
    from compare.weights.mapping.find import FoundMap

Permutation = tuple[int, ...]


@dataclass(frozen=True)
class Prepared:
    """A pair whose two models have been brought together.

    Attributes:
        shapes: of the reference's mapped arrays, parameters and buffers, by name.
        leaves: shapes of the port's mapped leaves by path.
        own: the reference's own values of all of them.
        input_axes: how the port wants inputs permuted, by input name; only those that it does.
        output_axes: how an output of the port is brought into the reference's layout, by output name.
        buffers: the reference's buffers that the port keeps too.
        constants: those without a counterpart: a training step must leave them as they are, or the pair is incomplete.
        accepted: parameters that one side alone has, and the pair accepts.
        notes: what is worth saying about the map; doubted: the reference's arrays of which it is not sure.
        trained_as_one: in training steps each of several arrays that are one in the reference is given the sum of their
            gradients.
        offsets: by leaf, what the port may hold more than the reference since its code takes it off again: the map has
            it where the port's own values do.
        aside: of a pair that is verified by module, where its sides put what they need later; else None.
        layout: how the port's arrays lie on the mesh that it is run on; None: on one device.
        modes: the modes that are compared: training and evaluation, or only the models as they are.
    """

    pair: Pair
    reference: "Reference"
    port: "PortModel"
    weight_map: WeightMap
    shapes: dict[str, tuple[int, ...]]
    leaves: dict[str, tuple[int, ...]]
    own: Arrays
    input_axes: Mapping[str, Permutation] = field(default_factory=dict)
    output_axes: Mapping[str, Permutation] = field(default_factory=dict)
    buffers: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    doubted: tuple[str, ...] = ()
    trained_as_one: bool = False
    offsets: Mapping[str, float] = field(default_factory=dict)
    aside: Aside | None = None
    layout: "MeshLayout | None" = None

    @property
    def summed(self) -> tuple[Sum, ...]:
        return self.weight_map.summed

    @property
    def loaded(self) -> tuple[WeightMap, tuple[str, ...]]:
        """The map of weights that are loaded, under which the port is the reference's function: what its code takes off
        again is in all of them; and what is to be said of that."""
        own = self.weight_map.entries
        lines = [replace(one, offset=one.offset or self.offsets.get(one.port, 0.0)) for one in own]
        return WeightMap(lines), tuple(
            said_of_offsets(line for line, one in zip(lines, own, strict=True) if line != one)
        )

    @property
    def modes(self) -> tuple[bool | None, ...]:
        """Those that the pair names, or both; evaluation alone where that is all that either side is made for."""
        if not (self.reference.has_mode or self.port.has_mode):
            return (None,)
        if self.pair.modes:
            return tuple(mode == "train" for mode in self.pair.modes)
        return (False,) if self.evaluates_only else (True, False)

    @property
    def evaluates_only(self) -> bool:
        """The reference comes in evaluation mode, and the port knows no other."""
        return not self.pair.modes and self.reference.has_mode and not (self.reference.training or self.port.has_mode)

    @property
    def frozen_leaves(self) -> frozenset[str]:
        """The port's leaves of parameters that the reference freezes, and its parameters that are buffers there."""
        frozen = set(self.reference.frozen)
        of_frozen = {entry.port for entry in self.weight_map.entries if entry.reference in frozen}
        return frozenset(of_frozen | self.still_leaves)

    @property
    def still_leaves(self) -> frozenset[str]:
        """The port's parameters that are buffers of the reference: a function of arrays has no other place for them."""
        buffers = set(self.buffers)
        held = {entry.port for entry in self.weight_map.entries if entry.reference in buffers}
        return frozenset(path for path in held if path.startswith(f"{PARAMS}/"))

    def __post_init__(self) -> None:
        self.port.fix([path for path in self.port.leaves if path not in self.leaves])

    def widened(self, kept: Collection[str] = ()) -> "Prepared":
        """The same with the port's explicit dtypes at float64, but for those that layers compute in and that are named
        in ``kept``."""
        return replace(self, port=self.port.widened(kept))

    def on(self, mesh: "BuiltMesh", batch: Batch) -> "Prepared":
        """The same, its port run on a mesh, and a batch like this one spread over it.

        Raises:
            UsageError: an array cannot be spread as the pair or the port says.
        """
        from compare.frameworks.meshes.layout import laid_out

        leaves = {path: tuple(leaf.shape) for path, leaf in self.port.leaves.items()}
        inputs = {name: array.shape for name, array in {**batch.inputs, **batch.targets}.items()}
        try:
            layout = laid_out(mesh, leaves, self.port.annotated, inputs, self.pair.sharding)
        except UsageError as error:
            raise UsageError(f"pair {self.pair.name}: {error}") from error
        return replace(self, layout=layout)

    def enter(self, seed: int, steps: int) -> Entering:
        """What enters both sides: weights and ``steps`` batches, all from one seeded NumPy generator."""
        still = {*self.buffers, *self.reference.frozen}
        return drawn(self.pair, self.own, self.shapes, still, seed, steps)


def prepare(pair: Pair, seed: int = 0) -> Prepared:
    """Bring both models of ``pair`` together: find the weight map, or hold the given one against them.

    Raises:
        UsageError: a model is not what it should be, the map does not fit, or is ambiguous.
    """
    from compare.frameworks.models.ports import complex_leaves
    from compare.frameworks.models.references import ReferenceModel

    rng = np.random.default_rng(seed)
    given = pair.draw_weights(rng)
    batch = pair.draw(rng).at(FLOAT32)  # both models are traced as they are run, at most in single precision
    if empty := [name for name, array in batch.inputs.items() if not array.size]:
        raise UsageError(f"pair {pair.name}: the batch's {empty[0]} is empty: there is nothing to compare")
    reference = ReferenceModel(pair.reference, given)
    if pair.weight_map is None and is_function_alone(pair.port):  # no other map than the one by name can be meant
        pair = replace(pair, weight_map=WeightMap(same(*reference.parameters)))
    if pair.weight_map is None:
        return _found(pair, reference, batch, seed)
    args, kwargs = adapted_port(pair, batch)
    own = reference.state() if given is None or pair.reference is reference.module else dict(given)
    port = _port(pair, reference, args, kwargs)
    mapped = pair.weight_map.references
    every = reference.parameters | reference.buffers
    accepted = [name for name in reference.parameters if name not in mapped and matches(name, pair.accept)]
    reference.hold(accepted)
    alone = {
        *accepted,
        *(path for path in port.leaves if path not in pair.weight_map.ports and matches(path, pair.accept)),
    }
    check_accepted(pair.accept, alone, [*reference.parameters, *port.leaves])
    wanted = reference.parameters.keys() - alone
    names = {name: shape for name, shape in every.items() if name in mapped or name in wanted}
    leaves = {path: tuple(leaf.shape) for path, leaf in port.leaves.items()}
    mapped_leaves = {
        path: shape
        for path, shape in leaves.items()
        if path in pair.weight_map.ports or (path.startswith(f"{PARAMS}/") and path not in alone)
    }
    pair.weight_map.check(names, mapped_leaves, (reference.complex_names, complex_leaves(port)))
    return Prepared(
        pair=pair,
        reference=reference,
        port=port,
        weight_map=pair.weight_map,
        shapes=names,
        leaves=mapped_leaves,
        own=own,
        buffers=tuple(name for name in names if name in reference.buffers),
        constants=(*(name for name in reference.buffers if name not in names), *reference.counters),
        accepted=tuple(sorted(alone)),
    )


def _port(pair: Pair, reference: "ReferenceModel", args: tuple, kwargs: dict) -> "PortModel":
    like = zeros_like(reference)
    try:
        return port_model(streamed(pair, reference), args, kwargs, like)
    except UsageError:
        raise
    except Exception as error:
        swallowed(error)
        raise UsageError(f"pair {pair.name}: the port raised {described(error)}") from error


def _found(pair: Pair, reference: "ReferenceModel", batch: Batch, seed: int) -> Prepared:
    from compare.pair.sure_outputs import outputs_of_reference
    from compare.pair.trial import nearest, tried
    from compare.weights.mapping.find import find

    own = reference.state()

    def wanted(entering: Entering, precision: Precision) -> Arrays:
        return outputs_of_reference(pair, reference, entering, False if reference.has_mode else None, precision)

    def decide(maps: "Sequence[FoundMap]") -> tuple[int | None, str]:
        candidates = [with_map(pair, reference, one, batch, own) for one in maps]
        place, why = tried(candidates, candidates[0].enter(seed, 1), wanted)
        less = [one for one in map(_with_less, candidates) if one is not None]
        if place is None and not why and len(less) == len(candidates):
            place, why = tried(less, less[0].enter(seed, 1), wanted)
        return place, why

    def decide_alone(maps: "Sequence[FoundMap]", name: str, alike: Collection[str]) -> int | None:
        candidates = [with_map(pair, reference, one, batch, own) for one in maps]
        return nearest(candidates, one_alone(candidates[0].enter(seed, 1), name, alike), wanted)

    (args, kwargs), (port_args, port_kwargs) = adapted_reference(pair, batch), adapted_port(pair, batch)
    found_map = find(
        reference.module, args, kwargs, streamed(pair, reference), port_args, port_kwargs,
        rules=pair.rules, permute=pair.port_inputs is None, decide=decide, alone=partial(matches, accept=pair.accept),
        decide_alone=decide_alone,
    )  # fmt: skip
    reference.hold(name for name in found_map.constants if name in reference.parameters)
    ready = with_map(pair, reference, found_map, batch, own)
    if found_map.joined:
        both = ready, with_map(pair, reference, found_map.as_joined(), batch, own)
        maps = both[0].weight_map, both[1].weight_map
        chosen, said = joined_as_told(
            maps, [*found_map.joined], own, ready.port, lambda: tried(both, both[0].enter(seed, 1), wanted)[0]
        )
        ready = replace(both[chosen], notes=(*both[chosen].notes, *filter(None, [said])))
    if (less := _with_less(ready)) is not None and tried((ready, less), ready.enter(seed, 1), wanted)[0] == 1:
        return less
    return ready


def with_map(pair: Pair, reference: "Reference", found_map: "FoundMap", batch: Batch, own: Arrays) -> Prepared:
    """A pair brought together by the weight map that was found for it.

    Args:
        batch: on which its models were traced; own: the reference's own values of what is mapped.
    """
    import jax

    every = reference.parameters | reference.buffers
    # An integer counter that the port keeps too starts as the port starts it: it is no floating statistic to compare.
    counted = [entry for entry in found_map.weight_map.entries if entry.reference not in every]
    lines = [entry for entry in found_map.weight_map.entries if entry.reference in every]
    held = found_map.model.initial([*found_map.offsets]) if found_map.offsets and found_map.model.has_own else {}
    weight_map = WeightMap(offset_lines(lines, found_map.offsets, own, held))
    said = said_of_offsets(line for line, one in zip(weight_map.entries, lines, strict=True) if line != one)
    tables = own_tables(reference, found_map.model, weight_map, own)
    if tables:
        weight_map = WeightMap(entry for entry in weight_map.entries if entry.reference not in tables)
    shapes = {name: every[name] for name in weight_map.references}
    accepted = [name for name in found_map.constants if name in reference.parameters and matches(name, pair.accept)]
    accepted += [path for path in found_map.port_constants if path.startswith(PARAMS)]
    check_accepted(pair.accept, accepted, [*reference.parameters, *found_map.model.leaves])
    by_leaf = jax.tree.leaves(batch.call({name: _Named(name) for name in batch.inputs}))
    names = [leaf.name if isinstance(leaf, _Named) else None for leaf in by_leaf]
    axes = {
        name: tuple(permutation)
        for name, permutation in zip(names, found_map.inputs, strict=False)
        if name and permutation and pair.port_inputs is None
    }
    return Prepared(
        pair=pair,
        reference=reference,
        port=found_map.model,
        weight_map=weight_map,
        shapes=shapes,
        leaves={path: tuple(found_map.model.leaves[path].shape) for path in weight_map.ports},
        own=own,
        input_axes=axes,
        # What an adapter makes of the outputs is the pair's own business, their layout included.
        output_axes={} if pair.port_outputs or pair.reference_outputs else dict(found_map.outputs),
        buffers=tuple(name for name in shapes if name in reference.buffers),
        constants=(
            *(name for name in found_map.constants if name not in accepted),
            *sorted(tables),
            *(entry.reference for entry in counted),
        ),
        accepted=tuple(accepted),
        notes=(*found_map.notes, *said, *said_of_spectral_norm(reference, found_map.model)),
        doubted=tuple(found_map.doubted),
        offsets=dict(found_map.offsets),
    )


def _with_less(ready: Prepared) -> Prepared | None:
    """The pair with scales that have less of what the port adds to them; None where it adds nothing, or where the
    port's own values say what they have."""
    left = [one for one in ready.weight_map.entries if one.port in ready.offsets and not one.offset]
    if not left or told_by_values(left, ready.own, ready.port):
        return None
    weight_map, notes = ready.loaded
    return replace(ready, weight_map=weight_map, notes=(*ready.notes, *notes))


def streamed(pair: Pair, reference: "Reference") -> Streamed:
    """The pair's port with what is to be known of it before it is traced."""
    return Streamed(pair.port, pair.rngs, (*reference.buffers, *reference.counters))


def zeros_like(reference: "Reference") -> Arrays:
    """The reference's parameters by name, all zero: what a port without parameters of its own is traced with."""
    kinds = {
        name: np.complex64(0) if name in reference.complex_names else np.float32(0) for name in reference.parameters
    }
    return {name: np.broadcast_to(kinds[name], shape) for name, shape in reference.parameters.items()}


class _Named:
    """Stands for an input, to see where it ends up among the leaves of a call."""

    def __init__(self, name: str) -> None:
        self.name = name
