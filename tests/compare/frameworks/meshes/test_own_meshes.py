"""A mesh that a port's own code names."""

from functools import partial

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import AbstractMesh
from jax.sharding import PartitionSpec as P

from compare.errors import UsageError
from compare.frameworks.meshes.mesh_axes import mesh_axes
from compare.frameworks.meshes.mesh_devices import built_mesh, on_mesh
from compare.frameworks.meshes.own_meshes import as_on_one_device


def doubled(mesh: jax.sharding.Mesh | AbstractMesh, x: jax.Array) -> jax.Array:
    return partial(jax.shard_map, mesh=mesh, in_specs=P("data"), out_specs=P("data"))(lambda part: 2 * part)(x)


def test_a_mesh_of_the_same_axes_is_taken_for_the_one_in_context():
    """Though its axes are explicit, as ``make_mesh`` makes them; JAX alone refuses it."""
    own, mesh = jax.make_mesh((1,), ("data",)), built_mesh(mesh_axes("data=1"), "cpu")
    with jax.set_mesh(mesh.devices), pytest.raises(ValueError, match="should match"):
        jax.jit(partial(doubled, own))(jnp.ones(4))
    with on_mesh(mesh):
        assert jax.jit(partial(doubled, own))(jnp.ones(4)).tolist() == [2.0] * 4


def test_a_mesh_of_other_axes_is_refused_with_both():
    """As one line."""
    own = jax.make_mesh((1,), ("rows",))
    with (
        on_mesh(built_mesh(mesh_axes("data=1"), "cpu")),
        pytest.raises(UsageError, match="rows=1, and the mesh asked for is data=1"),
    ):
        jax.jit(partial(doubled, own))(jnp.ones(4))


def test_on_one_device_a_program_on_shards_has_whole_shapes():
    """Of a mesh of four that the code names itself."""
    with on_mesh(built_mesh(mesh_axes("data=1"), "cpu")), as_on_one_device():
        traced = jax.make_jaxpr(partial(doubled, AbstractMesh((4,), ("data",))))(jnp.ones(8))
    assert traced.eqns[0].params["jaxpr"].invars[0].aval.shape == (8,)
