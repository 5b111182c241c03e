"""Collectives below the working precision."""

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import AbstractMesh, AxisType
from jax.sharding import PartitionSpec as P

from compare.explain.doctor.meshes.low_collectives import low_collectives


def test_they_are_found_by_what_goes_between_devices():
    """Not by what is computed on one: with the line, the axes and the format, each once."""

    def run(x: jax.Array) -> jax.Array:
        low = (x.astype(jnp.bfloat16) * 2).astype(x.dtype)
        return lax.psum(low, "data") + lax.psum(x.astype(jnp.bfloat16), "data").astype(x.dtype)

    mesh = AbstractMesh((4,), ("data",), axis_types=(AxisType.Auto,))
    program = jax.make_jaxpr(jax.shard_map(run, mesh=mesh, in_specs=P("data"), out_specs=P()))(jnp.ones(8))
    (found,) = low_collectives(program, "float32")
    assert (found.name, found.axes, found.format) == ("psum", ("data",), "bfloat16")
    assert found.text.startswith("lax.psum over `data` at ")
    assert "test_low_collectives.py:" in found.text
    assert not [*low_collectives(program, "bfloat16")]
