"""A program on shards, evaluated by other rules: at float64, and with every result rounded."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec as P

from compare.frameworks.integers import float64
from compare.frameworks.islands.port import promoted_jax
from compare.frameworks.meshes.mesh_axes import mesh_axes
from compare.frameworks.meshes.mesh_devices import built_mesh, on_mesh
from compare.frameworks.rounding.port import rounded_jax


def lowered(x: jax.Array) -> jax.Array:
    """A float32 island on a shard, with a program inside it, summed over shards."""

    def run(part: jax.Array) -> jax.Array:
        inside = jax.jit(lambda one: jnp.where(one > 0, jnp.exp(one), one))(part.astype(jnp.float32))
        return lax.psum(inside.astype(part.dtype), "data")

    return jax.shard_map(run, in_specs=P("data"), out_specs=P())(x)


def test_float32_on_a_shard_is_raised():
    """Collectives and inner programs included: they know the axes of their mesh."""
    x = np.linspace(-1, 1, 8)
    with on_mesh(built_mesh(mesh_axes("data=1"), "cpu")), float64():
        plain, promoted = (np.asarray(jax.jit(one)(x)) for one in (lowered, promoted_jax(lowered)))
    exact = np.where(x > 0, np.exp(x), x)
    assert np.abs(promoted - exact).max() < 1e-15 < 1e-9 < np.abs(plain - exact).max()


def test_every_result_on_a_shard_is_rounded():
    """To so few bits that it shows."""
    x = np.linspace(0.1, 1, 8)

    def squared(x: jax.Array) -> jax.Array:
        return jax.shard_map(lambda part: part * part, in_specs=P("data"), out_specs=P("data"))(x)

    with on_mesh(built_mesh(mesh_axes("data=1"), "cpu")), float64():
        rounded = np.asarray(jax.jit(rounded_jax(squared, 8))(x))
    apart = np.abs(rounded - x * x) / (x * x)
    assert 0 < apart.max() <= 2.0**-8
