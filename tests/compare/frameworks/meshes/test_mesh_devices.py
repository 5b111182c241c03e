"""A mesh of the devices that there are: here of one."""

import jax
import pytest

from compare.errors import UsageError
from compare.frameworks.devices import Device
from compare.frameworks.meshes.mesh_axes import mesh_axes
from compare.frameworks.meshes.mesh_devices import MOST, built_mesh, everywhere, make_host_devices, on_mesh


def test_more_devices_than_there_are_is_one_line():
    """With how many there are."""
    with pytest.raises(UsageError, match=r"mesh data=64: expected 64 devices, JAX has \d+ \(cpu\)"):
        built_mesh(mesh_axes("data=64"), "cpu")


def test_no_machine_is_asked_for_any_number_of_them():
    """Each has threads of its own."""
    with pytest.raises(UsageError, match=f"no more than {MOST}"):
        make_host_devices(mesh_axes("data=4096"))
    make_host_devices(mesh_axes("data=8"))  # too late, as JAX has started: whoever builds the mesh says so


def test_within_a_mesh_arrays_go_to_all_of_its_devices(cpu: Device):
    """Outside of one, to the one device."""
    mesh = built_mesh(mesh_axes("data=1,model=1"), "cpu")
    assert (mesh.platform, mesh.alone.axes.devices, mesh.alone.devices.axis_names) == ("cpu", 1, ("data", "model"))
    with on_mesh(mesh):
        assert everywhere(cpu.jax) == jax.sharding.NamedSharding(mesh.devices, jax.sharding.PartitionSpec())
    with on_mesh(None):
        assert everywhere(cpu.jax) is cpu.jax
