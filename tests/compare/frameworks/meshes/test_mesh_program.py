"""What a program does with a mesh."""

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import AbstractMesh, AxisType
from jax.sharding import PartitionSpec as P

from compare.frameworks.meshes.mesh_program import mesh_program

MESH = AbstractMesh((4, 2, 2), ("data", "model", "spare"), axis_types=(AxisType.Auto,) * 3)
TEXT = """HloModule jit_f, is_scheduled=true

%add (a: f32[], b: f32[]) -> f32[] {
  %a = f32[] parameter(0)
  %b = f32[] parameter(1)
  ROOT %sum = f32[] add(%a, %b)
}

ENTRY %main (x: f32[4,4]) -> f32[4,4] {
  %x = f32[4,4]{1,0} parameter(0)
  %first = f32[4,4]{1,0} all-reduce(%x), channel_id=1, to_apply=%add
  %begun = (f32[4,4]{1,0}, f32[8,4]{1,0}) all-gather-start(%first), dimensions={0}
  %ended = f32[8,4]{1,0} all-gather-done(%begun)
  ROOT %last = f32[4,4]{1,0} all-reduce(%first), channel_id=2, to_apply=%add
}
"""


def test_collectives_are_counted_in_what_was_compiled():
    """One that runs beside others is one."""
    assert mesh_program(jax.make_jaxpr(jnp.sin)(1.0), TEXT).collectives == {"all-reduce": 2, "all-gather": 1}


def test_axes_are_those_that_the_code_names():
    """What only varies over an axis is not spread over it."""

    def run(x: jax.Array) -> jax.Array:
        return lax.psum(x.sum(), "model") + x

    def on_shards(x: jax.Array) -> jax.Array:
        return jax.shard_map(run, mesh=MESH, in_specs=P("data"), out_specs=P("data"))(x)

    seen = mesh_program(jax.make_jaxpr(jax.jit(on_shards))(jnp.ones(8)), TEXT)
    assert (seen.axes, seen.by_hand) == ({"data", "model"}, True)
    plain = mesh_program(jax.make_jaxpr(jnp.sin)(1.0), TEXT)
    assert (plain.axes, plain.by_hand) == (set(), False)
