"""What lies where on a mesh: a port's leaves as they are annotated, its batch by rows, everything else whole."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod

import jax
from jax.sharding import NamedSharding, PartitionSpec, Sharding, SingleDeviceSharding

from compare.frameworks.meshes.mesh_axes import BY_ROWS, MeshAxes
from compare.frameworks.meshes.mesh_devices import BuiltMesh, on_mesh
from compare.frameworks.meshes.shard_rules import INPUT, Shape, Spec, axes_of, by_rules, check_spec, is_divided, spec_of


@dataclass(frozen=True, eq=False)
class MeshLayout:
    """A mesh, and how a port's arrays lie on it.

    Attributes:
        leaves: of every leaf by path, how it is spread.
        inputs: of arrays of the batch that a rule names; others are spread by rows over ``data`` where that divides
            them.
        told: the mesh that the port's code is told of, where that is another than it is run on.
    """

    mesh: BuiltMesh
    leaves: Mapping[str, Spec]
    inputs: Mapping[str, Spec] = field(default_factory=dict)
    told: BuiltMesh | None = None

    @property
    def axes(self) -> MeshAxes:
        return self.mesh.axes

    def alone(self, told: bool) -> "MeshLayout":
        """The same on one device of the mesh; ``told``: the port's program as it is traced for all of them."""
        return replace(self, mesh=self.mesh.alone, told=self.mesh if told else None)

    @property
    def row_parts(self) -> int:
        """Over how many devices rows are spread."""
        return dict(self.axes.sizes).get(BY_ROWS, 1)

    @property
    def most_row_parts(self) -> int:
        """Over how many devices the rows of some array of the batch are spread at most, by whatever axes: its own rule
        says so along its first dimension."""
        sizes = dict(self.axes.sizes)
        own = (prod(sizes[axis] for axis in axes_of(spec[0])) for spec in self.inputs.values() if spec)
        return max([self.row_parts, *own])

    def of_input(self, name: str, shape: Shape, axis: int | None) -> Spec:
        """How an array of the batch is spread, whose rows are along ``axis``."""
        if name in self.inputs:  # a probe may have fewer rows than the batch that the rule was checked against
            return self.inputs[name] if is_divided(shape, self.inputs[name], self.axes) else ()
        if axis is None or self.row_parts == 1 or not shape[axis] or shape[axis] % self.row_parts:
            return ()
        return (*(None,) * axis, BY_ROWS)


@dataclass(frozen=True, eq=False)
class Placing:
    """Where a side puts its arrays: on one device, or as a layout says."""

    device: jax.Device
    layout: MeshLayout | None = None

    @cached_property
    def whole(self) -> Sharding:
        """Of what is spread over nothing."""
        return self._spread(())

    def leaf(self, path: str) -> Sharding:
        """Of a leaf."""
        return self._spread(self.layout.leaves.get(path, ())) if self.layout else self.whole

    def input(self, name: str, shape: Shape, axis: int | None) -> Sharding:
        """Of an array of the batch, whose rows are along ``axis``."""
        return self._spread(self.layout.of_input(name, shape, axis)) if self.layout else self.whole

    def entered(self) -> AbstractContextManager[object]:
        """Within it a model's own code finds the mesh."""
        return on_mesh(self.layout.mesh if self.layout else None)

    def _spread(self, spec: Spec) -> Sharding:
        if self.layout is None:
            return SingleDeviceSharding(self.device)
        return NamedSharding(self.layout.mesh.devices, PartitionSpec(*spec))


def placing(layout: MeshLayout | None, device: jax.Device) -> Placing:
    """Of a side that runs on ``device``: off the mesh where that is a device of another kind."""
    return Placing(device, layout if layout is not None and layout.mesh.platform == device.platform else None)


def laid_out(
    mesh: BuiltMesh,
    leaves: Mapping[str, Shape],
    annotated: Mapping[str, object],
    inputs: Mapping[str, Shape],
    rules: Mapping[str, object],
) -> MeshLayout:
    """How a port's arrays lie on a mesh: each by the first rule that names it, else as the port annotates it, else
    whole.

    Args:
        leaves: of every leaf of the port, by path, its shape; inputs: of every array of the batch, by name.
        annotated: of leaves, what the port's own code says.

    Raises:
        UsageError: a rule matches nothing, or an array cannot be spread so.
    """
    axes = mesh.axes
    ruled = by_rules(rules, [*leaves, *(f"{INPUT}{name}" for name in inputs)])
    specs: dict[str, Spec] = {}
    for path, shape in leaves.items():
        spec = ruled[path] if path in ruled else spec_of(annotated.get(path, ()), f"{path}: its annotation")
        specs[path] = check_spec(path, shape, spec, axes)
    named = {name: ruled[f"{INPUT}{name}"] for name in inputs if f"{INPUT}{name}" in ruled}
    for name, spec in named.items():
        check_spec(f"{INPUT}{name}", inputs[name], spec, axes)
    return MeshLayout(mesh, specs, named)


def axes_in(specs: Mapping[str, Spec]) -> set[str]:
    """The axes over which any of them is spread."""
    return {axis for spec in specs.values() for entry in spec for axis in axes_of(entry)}
