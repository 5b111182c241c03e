"""How an array is spread of which a dropout sees one shard."""

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import AbstractMesh
from jax.sharding import PartitionSpec as P

from compare.frameworks.dropout.shard_masks import Spread, spread_of

MESH = AbstractMesh((2, 4), ("model", "data"))


def spread_in(shard: tuple[int, ...], due: tuple[int, ...]) -> Spread | None:
    """What is found within a ``shard_map`` over all of the mesh."""
    found: list[Spread | None] = []

    def run(x: jax.Array) -> jax.Array:
        found.append(spread_of(shard, lambda whole: whole == due))
        return x

    jax.make_jaxpr(jax.shard_map(run, mesh=MESH, in_specs=P(), out_specs=P()))(jnp.ones(8))
    return found[0]


@pytest.mark.parametrize(
    ("due", "axes"),
    [
        ((2, 3), ()),
        ((8, 3), ((0, "data"),)),
        ((4, 3), ((0, "model"),)),
        ((2, 12), ((1, "data"),)),
        ((8, 6), ((0, "data"), (1, "model"))),
    ],
)
def test_the_axes_are_those_that_make_the_due_mask(due: tuple[int, ...], axes: tuple):
    """A shard of (2, 3) of data=4 and model=2, rows over ``data`` first."""
    spread = spread_in((2, 3), due)
    assert spread is not None
    assert spread.axes == axes


def test_a_mask_of_another_shape_is_nobodys():
    """Then the dropout is listed as not compared, as in any body that runs on slices."""
    assert spread_in((2, 3), (6, 3)) is None
