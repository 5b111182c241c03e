"""A pair whose two models have been brought together: what every later room takes of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from compare.arrays.arrays import PARAMS, Arrays
from compare.arrays.aside import Aside
from compare.arrays.batch import Batch
from compare.errors import UsageError
from compare.pair.drawing import drawn
from compare.pair.pair import Entering, Pair
from compare.weights.entry import Sum
from compare.weights.mapping.offsets import said_of_offsets
from compare.weights.weights import WeightMap

if TYPE_CHECKING:
    from compare.frameworks.meshes.layout import MeshLayout
    from compare.frameworks.meshes.mesh_devices import BuiltMesh
    from compare.frameworks.models.ports import PortModel
    from compare.frameworks.models.references import Reference

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

    @property
    def untrained(self) -> dict[str, str]:
        """Parameters that train in the reference and are none in the port: the leaves that hold them, by name."""
        still = {*self.buffers, *self.reference.frozen}
        of_training = (entry for entry in self.weight_map.entries if entry.reference not in still)
        return {entry.reference: entry.port for entry in of_training if not entry.port.startswith(f"{PARAMS}/")}

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
