"""The devices of a mesh: XLA's host devices, made before JAX starts, or the cards that there are."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec, Sharding

from compare.errors import UsageError, swallowed
from compare.frameworks.meshes.mesh_axes import FLAG, MeshAxes
from compare.frameworks.meshes.own_meshes import of_one_device, own_meshes

SETTING = "jax_num_cpu_devices"
MOST = 1024  # host devices, each with threads of its own


@dataclass(frozen=True, eq=False)
class BuiltMesh:
    """A mesh of devices, and the axes as they were asked for."""

    axes: MeshAxes
    devices: Mesh

    @property
    def platform(self) -> str:
        return str(self.devices.devices.flat[0].platform)

    @property
    def alone(self) -> "BuiltMesh":
        """One of the same axes, each of one device."""
        return BuiltMesh(MeshAxes(tuple((name, 1) for name in self.axes.names)), of_one_device(self.devices))


def make_host_devices(axes: MeshAxes) -> None:
    """Have XLA make as many devices of the CPU as the mesh asks for, where nobody has said how many there are to be.
    Call it before JAX starts: later nothing can make them, and ``built_mesh`` says so.

    Raises:
        UsageError: they are too many for any machine.
    """
    if axes.devices > MOST:
        raise UsageError(f"mesh {axes}: {axes.devices} devices, and no more than {MOST} are made of a CPU")
    if FLAG in os.environ.get("XLA_FLAGS", "") or getattr(jax.config, SETTING) >= axes.devices:
        return
    try:
        jax.config.update(SETTING, axes.devices)
    except RuntimeError as error:  # JAX has started: there are as many as there are
        swallowed(error)


def built_mesh(axes: MeshAxes, platform: str, own: Mesh | None = None) -> BuiltMesh:
    """The mesh on the first devices of a platform, the last axis varying fastest, or on those of a mesh that there is
    already; how arrays lie on it is the compiler's to choose where nobody says (``AxisType.Auto``).

    Raises:
        UsageError: there are fewer devices.
    """
    types = (AxisType.Auto,) * len(axes.sizes)
    if own is not None:
        return BuiltMesh(axes, Mesh(own.devices, axes.names, axis_types=types))
    devices = jax.devices(platform)
    if axes.devices > len(devices):
        there = f"JAX has {len(devices)} ({platform})"
        why = (
            "ask for fewer"
            if platform != "cpu"
            else "JAX has started already: set jax_num_cpu_devices before it does, or ask for fewer"
        )
        raise UsageError(f"mesh {axes}: expected {axes.devices} devices, {there}: {why}")
    grid = np.array(devices[: axes.devices]).reshape([size for _, size in axes.sizes])
    return BuiltMesh(axes, Mesh(grid, axes.names, axis_types=types))


@contextmanager
def on_mesh(mesh: BuiltMesh | None) -> Iterator[None]:
    """Within it, a model's own code finds the mesh where it asks JAX for one: ``shard_map``, constraints by name."""
    if mesh is None:
        yield
        return
    with jax.set_mesh(mesh.devices), own_meshes():
        yield


def off_meshes() -> AbstractContextManager[object]:
    """Within it there is no mesh in context, whatever the program around has set: what runs on one device runs there,
    and a mesh that is asked for is entered where it is meant."""
    return jax.set_mesh(None)


def everywhere(device: jax.Device) -> jax.Device | Sharding:
    """Where arrays are put that every device is to have, within ``on_mesh``; elsewhere it is the one device."""
    mesh = jax.sharding.get_mesh()
    return device if mesh.empty else NamedSharding(mesh, PartitionSpec())
