"""What ``--mesh`` asks for, of a command that runs a port."""

import argparse
import os
from typing import TYPE_CHECKING

from compare.cli.chosen_device import check_xla_flags
from compare.errors import UsageError
from compare.frameworks.devices import share_the_card

if TYPE_CHECKING:
    from compare.frameworks.devices import Device
    from compare.frameworks.meshes.mesh_devices import BuiltMesh

FLAG = "xla_force_host_platform_device_count"


def prepare_mesh(options: argparse.Namespace) -> None:
    """Have the devices of the CPU made that the mesh asks for. Call it before anything starts JAX.

    Raises:
        UsageError: they are too many, or somebody else has said how many there are.
    """
    if options.mesh is None:
        return
    if FLAG in os.environ.get("XLA_FLAGS", ""):
        raise UsageError(f"--mesh {options.mesh}: it makes the CPU's devices itself: take --{FLAG} out of XLA_FLAGS")
    check_xla_flags()
    share_the_card()  # which is read when jax is imported
    from compare.frameworks.meshes.mesh_devices import make_host_devices

    make_host_devices(options.mesh)


def mesh_of(options: argparse.Namespace, device: "Device") -> "BuiltMesh | None":
    """The mesh on the device that was chosen; None where none was asked for.

    Raises:
        UsageError: it has more devices than there are, or oracles are to run where it is not.
    """
    if options.mesh is None:
        return None
    if device.name != "cpu" and options.oracle_device == "cpu":
        raise UsageError(f"--mesh {options.mesh}: oracles run on the same mesh: leave out --oracle-device cpu")
    from compare.frameworks.meshes.mesh_devices import built_mesh

    return built_mesh(options.mesh, device.jax.platform)
