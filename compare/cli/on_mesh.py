"""What ``--mesh`` asks for, of a command that runs a port."""

import argparse
import os
from typing import TYPE_CHECKING

from compare.cli.chosen_device import check_xla_flags
from compare.errors import UsageError
from compare.frameworks.devices import share_the_card
from compare.frameworks.meshes.mesh_axes import FLAG

if TYPE_CHECKING:
    from compare.frameworks.devices import Device
    from compare.frameworks.meshes.mesh_devices import BuiltMesh


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


def mesh_of(options: argparse.Namespace, device: "Device", oracle: "Device") -> "BuiltMesh | None":
    """The mesh on the device that was chosen; None where none was asked for.

    Raises:
        UsageError: it has more devices than there are, or oracles are to run where it is not.
    """
    if options.mesh is None:
        return None
    from compare.frameworks.meshes.given_mesh import GivenMesh

    return GivenMesh(options.mesh).on(device, oracle)
