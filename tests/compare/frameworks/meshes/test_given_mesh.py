"""A mesh as a program gives it, and what of it is refused."""

from dataclasses import replace

import jax
import pytest
from jax.sharding import AxisType

from compare.errors import UsageError
from compare.frameworks.devices import Device
from compare.frameworks.meshes.given_mesh import given_mesh


def own() -> jax.sharding.Mesh:
    return jax.make_mesh((1, 1), ("data", "model"), axis_types=(AxisType.Explicit,) * 2)


@pytest.mark.parametrize("written", ["data=1,model=1", {"data": 1, "model": 1}, own])
def test_words_sizes_and_a_mesh_that_is_built_are_one(written: object, cpu: Device):
    """On the program's own devices, laid out by the compiler whatever the type of its axes."""
    given = given_mesh(written() if callable(written) else written)
    assert given.choose_platform("cpu") == "cpu"
    mesh = given.on(cpu, cpu)
    assert (str(mesh.axes), mesh.devices.shape["model"]) == ("data=1,model=1", 1)
    assert set(mesh.devices.axis_types) == {AxisType.Auto}


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        (4, "expected axes with their sizes, such as data=2,model=2, a dictionary of them or a jax.sharding.Mesh"),
        (jax.sharding.AbstractMesh((2,), ("data",)), "got an AbstractMesh"),
        ({"data": 0}, "got 'data=0'"),
        ({}, "got ''"),
        ("data", "got 'data'"),
    ],
)
def test_what_is_no_mesh_is_one_line(written: object, complaint: str):
    """With an example."""
    with pytest.raises(UsageError, match=complaint) as raised:
        given_mesh(written)
    assert str(raised.value).startswith("mesh: ")


def test_a_mesh_lies_where_both_sides_run(cpu: Device):
    """Oracles too."""
    with pytest.raises(UsageError, match="its devices are cpus and device is 'gpu'"):
        given_mesh(own()).choose_platform("gpu")
    with pytest.raises(UsageError, match="oracles run on the same mesh"):
        given_mesh("data=1").on(replace(cpu, name="gpu"), cpu)
