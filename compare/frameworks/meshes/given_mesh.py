"""A mesh as a program gives it: in the words of ``--mesh``, as sizes by axis, or one that it has built itself."""

from collections.abc import Mapping
from dataclasses import dataclass

import jax
from jax.sharding import Mesh

from compare.errors import UsageError, shown
from compare.frameworks.devices import Device
from compare.frameworks.meshes.mesh_axes import EXPECTED, MeshAxes, mesh_axes
from compare.frameworks.meshes.mesh_devices import BuiltMesh, built_mesh, make_host_devices


@dataclass(frozen=True, eq=False)
class GivenMesh:
    """The axes, and the devices in their places where the program has chosen them."""

    axes: MeshAxes
    built: Mesh | None = None

    def choose_platform(self, device: str) -> str:
        """The device to ask for: where the mesh lies, if it is built; else devices of the CPU are made, unless JAX has
        started. Call it before anything starts JAX.

        Raises:
            UsageError: the mesh lies elsewhere than where the sides are to run, or has devices of other processes.
        """
        if self.built is None:
            make_host_devices(self.axes)
            return device
        grid = self.built.devices
        if any(one.process_index != jax.process_index() for one in grid.flat):
            raise UsageError("mesh: expected devices of this process alone, got some of others': build it of these")
        own = "cpu" if grid.flat[0].platform == "cpu" else "gpu"
        if device not in ("auto", own):
            raise UsageError(f"mesh: its devices are {own}s and device is {device!r}: expected one of both")
        return own

    def on(self, device: Device, oracle: Device) -> BuiltMesh:
        """The mesh, on the devices that were chosen.

        Raises:
            UsageError: it has more than there are, or oracles are to run where it is not.
        """
        check_oracle(self.axes, device, oracle)
        return built_mesh(self.axes, device.jax.platform, self.built)


def check_oracle(axes: MeshAxes, device: Device, oracle: Device) -> None:
    """Refuse oracles that run elsewhere than the port.

    Raises:
        UsageError: they do.
    """
    if device.name != oracle.name:
        raise UsageError(f"mesh {axes}: oracles run on the same mesh: leave the oracle's device as it is")


def given_mesh(given: object) -> GivenMesh:
    """What a program gives as ``mesh=``.

    Raises:
        UsageError: it is no mesh, names no axis, one of them twice, or one without a size from 1 on.
    """
    if isinstance(given, Mesh):
        return GivenMesh(mesh_axes(_in_words(given.shape)), given)
    if isinstance(given, Mapping):
        return GivenMesh(mesh_axes(_in_words(given)))
    if isinstance(given, str):
        return GivenMesh(mesh_axes(given))
    raise UsageError(f"mesh: {EXPECTED}, a dictionary of them or a jax.sharding.Mesh, got {shown(given)}")


def _in_words(sizes: Mapping[object, object]) -> str:
    return ",".join(f"{name}={size}" for name, size in sizes.items())
