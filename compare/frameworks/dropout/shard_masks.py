"""A dropout that runs on a shard of its array, in a ``shard_map``: which part of the reference's mask is its own.

That is its own rows of it, if its key is one that no other shard has. Shards that draw with one key draw one mask, the
first's: there the replay does what the port's own draws would do.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, permutations

import jax
import jax.numpy as jnp
from jax import lax

from compare.frameworks.dropout.mask_layouts import Shape
from compare.frameworks.meshes.mesh_axes import BY_ROWS


@dataclass(frozen=True)
class Spread:
    """How an array of which a shard is seen is spread: of some dimensions, the axis of the mesh."""

    axes: tuple[tuple[int, str], ...]
    shard: Shape

    @property
    def whole(self) -> Shape:
        """The shape of the array itself."""
        sizes = dict(jax.sharding.get_abstract_mesh().shape)
        over = dict(self.axes)
        return tuple(length * sizes[over[at]] if at in over else length for at, length in enumerate(self.shard))

    def own_part(self, mask: jax.Array, key: jax.Array) -> jax.Array:
        """Of the mask of the whole array, what the running shard drops with its key."""
        for dimension, axis in self.axes:
            start = _first_with(key, axis) * self.shard[dimension]
            mask = lax.dynamic_slice_in_dim(mask, start, self.shard[dimension], dimension)
        return mask


def spread_of(shard: Shape, fits: Callable[[Shape], bool]) -> Spread | None:
    """The first way to spread an array of whose mask ``fits`` says that it is the one that is due; rows over ``data``
    before anything else. None where there is none."""
    return next((spread for spread in _ways(shard) if fits(spread.whole)), None)


def _ways(shard: Shape) -> Iterator[Spread]:
    manual = sorted(jax.sharding.get_abstract_mesh().manual_axes, key=lambda axis: axis != BY_ROWS)
    for many in range(min(len(manual), len(shard)) + 1):
        for dimensions in combinations(range(len(shard)), many):
            for axes in permutations(manual, many):
                yield Spread(tuple(zip(dimensions, axes, strict=True)), shard)


def _first_with(key: jax.Array, axis: str) -> jax.Array:
    """The number of the first shard along an axis that draws with the key of the running one."""
    data = jax.random.key_data(key) if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key
    every = lax.all_gather(data, axis)
    return jnp.argmax((every == data).reshape(every.shape[0], -1).all(axis=1))
