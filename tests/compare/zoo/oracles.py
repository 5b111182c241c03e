"""Sound ports whose plain run in float64 does not stand, or would not with x64's integers.

Decoders that fill a key/value cache step by step, where a Python 0 stands beside an int32 position; layers behind a
cast to float32; masks of the lowest number of a dtype that is then cast to float32; a hash that wraps at 32 bits.
"""

from typing import Any

import equinox as eqx
import jax
import numpy as np
import torch
from flax import linen, nnx
from jax import Array, lax
from jax import numpy as jnp
from torch import Tensor, nn

from tests.compare.zoo import seeded
from tests.compare.zoo.equinox_ports import by_rows
from tests.compare.zoo.row import Sound

BATCH, STEPS, HEADS, DEPTH = 2, 6, 2, 4
WIDTH = HEADS * DEPTH
Params = dict[str, Any]
KEY = jax.random.key(0)


def tokens(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((BATCH, STEPS, WIDTH), dtype=np.float32)


class Causal(nn.Module):
    """All positions at once."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(WIDTH, WIDTH) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (layer(x).unflatten(-1, (HEADS, DEPTH)).transpose(1, 2) for layer in (self.q, self.k, self.v))
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o(mixed.transpose(1, 2).flatten(2))


def decoded(q: Array, k: Array, v: Array, late: int = 0) -> Array:
    """Attention of (batch, steps, heads, depth) a step at a time, over caches that are written as it goes, and an
    index that is kept with them, as Flax keeps it; ``late`` is how far behind its position a step is written."""

    @jax.jit
    def step(kept: tuple[Array, Array, Array], _: None) -> tuple[tuple[Array, Array, Array], Array]:
        *caches, at = kept
        new = (lax.dynamic_index_in_dim(each, at, 1) for each in (k, v))
        keys, values = (
            lax.dynamic_update_slice(cache, row, (0, at + late, 0, 0)) for cache, row in zip(caches, new, strict=True)
        )
        query = lax.dynamic_index_in_dim(q, at, 1, keepdims=False)
        scores = jnp.einsum("bhd,bthd->bht", query, keys) / DEPTH**0.5
        scores = lax.cond(at < 0, lambda: scores * 2, lambda: jnp.where(jnp.arange(STEPS) <= at, scores, -jnp.inf))
        return (keys, values, at + 1), jnp.einsum("bht,bthd->bhd", jax.nn.softmax(scores, -1), values)

    _, rows = lax.scan(step, (jnp.zeros_like(k), jnp.zeros_like(v), jnp.array(0, jnp.int32)), length=STEPS)
    return rows.transpose(1, 0, 2, 3).reshape(*q.shape[:2], WIDTH)


def in_heads(x: Array) -> Array:
    return x.reshape(*x.shape[:-1], HEADS, DEPTH)


class CausalLinen(linen.Module):
    late: int = 0

    @linen.compact
    def __call__(self, x: Array) -> Array:
        q, k, v = (in_heads(linen.Dense(WIDTH, name=name)(x)) for name in "qkv")
        return linen.Dense(WIDTH, name="o")(decoded(q, k, v, self.late))


class CausalNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.q, self.k, self.v, self.o = (nnx.Linear(WIDTH, WIDTH, rngs=rngs) for _ in range(4))

    def __call__(self, x: Array) -> Array:
        return self.o(decoded(*(in_heads(layer(x)) for layer in (self.q, self.k, self.v))))


class CausalEquinox(eqx.Module):
    q: eqx.nn.Linear
    k: eqx.nn.Linear
    v: eqx.nn.Linear
    o: eqx.nn.Linear

    def __init__(self) -> None:
        self.q, self.k, self.v, self.o = (eqx.nn.Linear(WIDTH, WIDTH, key=KEY) for _ in range(4))

    def __call__(self, x: Array) -> Array:
        q, k, v = (in_heads(jax.vmap(layer)(x))[None] for layer in (self.q, self.k, self.v))
        return jax.vmap(self.o)(decoded(q, k, v)[0])


def causal(p: Params, x: Array) -> Array:
    """Written into caches of one row each, under ``vmap``, by an operation with a derivative rule of its own."""
    q, k, v = (in_heads(x @ p[f"{name}.weight"].T + p[f"{name}.bias"]) for name in "qkv")
    rows = jax.vmap(lambda q, k, v: decoded(q[None], k[None], v[None])[0])(q, k, v)
    return halved(rows, 2) @ p["o.weight"].T + p["o.bias"]


@jax.custom_vjp
def halved(x: Array, times: int) -> Array:
    """The same, by way of an integer that the derivative rule keeps."""
    return x * times / 2


def _halved_forward(x: Array, times: int) -> tuple[Array, Array]:
    return halved(x, times), jnp.asarray(times)


def _halved_backward(times: Array, above: Array) -> tuple[Array, None]:
    return above * times / 2, None


halved.defvjp(_halved_forward, _halved_backward)


class CastBefore(nn.Module):
    """A layer that is always given float32: float64 weights refuse it."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.norm, self.down = nn.Linear(WIDTH, 12), nn.LayerNorm(12), nn.Linear(12, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.norm(self.up(x)).float())


class Plain(CastBefore):
    def forward(self, x: Tensor) -> Tensor:
        return self.down(self.norm(self.up(x)))


class PlainLinen(linen.Module):
    epsilon: float = 1e-5

    @linen.compact
    def __call__(self, x: Array) -> Array:
        x = linen.LayerNorm(epsilon=self.epsilon, name="norm")(linen.Dense(12, name="up")(x))
        return linen.Dense(5, name="down")(x)


class PlainNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.up, self.norm = nnx.Linear(WIDTH, 12, rngs=rngs), nnx.LayerNorm(12, epsilon=1e-5, rngs=rngs)
        self.down = nnx.Linear(12, 5, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.down(self.norm(self.up(x)))


def cast_before(p: Params, x: Array) -> Array:
    """The cast on this side; ``lax`` promotes nothing."""
    x = x @ p["up.weight"].T + p["up.bias"]
    x = (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)
    x = lax.mul(x.astype(jnp.float32), jnp.broadcast_to(p["norm.weight"], x.shape)) + p["norm.bias"]
    return x @ p["down.weight"].T + p["down.bias"]


class LowestMask(nn.Module):
    """A mask of the lowest number of the activations' dtype, added in float32; one row is masked entirely."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(WIDTH, WIDTH) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        lowest = torch.finfo(x.dtype).min
        mask = torch.full((STEPS, STEPS), lowest, dtype=x.dtype).triu(1)
        mask[0] = lowest
        scores = self.q(x) @ self.k(x).transpose(-1, -2)
        return torch.softmax(scores.float() / WIDTH**0.5 + mask.float(), -1).type_as(x) @ self.v(x)


class LowestMaskLinen(linen.Module):
    axis: int = 0

    @linen.compact
    def __call__(self, x: Array) -> Array:
        q, k, v = (linen.Dense(WIDTH, name=name)(x) for name in "qkv")
        return masked(q, k, v, x.dtype, self.axis)


class LowestMaskNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.q, self.k, self.v = (nnx.Linear(WIDTH, WIDTH, rngs=rngs) for _ in range(3))

    def __call__(self, x: Array) -> Array:
        return masked(self.q(x), self.k(x), self.v(x), x.dtype)


def masked(q: Array, k: Array, v: Array, dtype: Any, axis: int = 0) -> Array:
    lowest = jnp.finfo(dtype).min
    mask = jnp.triu(jnp.full((STEPS, STEPS), lowest, dtype), 1).at[0].set(lowest)
    scores = (q @ jnp.swapaxes(k, -1, -2)).astype(jnp.float32) / WIDTH**0.5
    scores = scores + (mask.T if axis else mask).astype(jnp.float32)
    return jax.nn.softmax(scores, -1).astype(dtype) @ v


class Hashed(nn.Module):
    """Rows of a table by a hash of their position that wraps at 32 bits."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.out = nn.Embedding(7, WIDTH), nn.Linear(WIDTH, 3)

    def forward(self, x: Tensor) -> Tensor:
        at = torch.arange(STEPS, dtype=torch.int32) * 1_640_531_527
        return self.out(x + self.table((at % 7).long()))


class HashedLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        at = jnp.arange(STEPS) * 1_640_531_527
        return linen.Dense(3, name="out")(x + linen.Embed(7, WIDTH, name="table")(at % 7))


ROWS = [
    Sound("key_value_cache_linen", seeded(Causal), CausalLinen, tokens),
    Sound("key_value_cache_nnx", seeded(Causal), lambda: CausalNNX(nnx.Rngs(0)), tokens),
    Sound("key_value_cache_equinox", seeded(Causal), lambda: (by_rows, CausalEquinox()), tokens),
    Sound("key_value_cache_function", seeded(Causal), lambda: causal, tokens),
    Sound("cast_before_a_layer_linen", seeded(CastBefore), PlainLinen, tokens),
    Sound("cast_before_a_layer_nnx", seeded(CastBefore), lambda: PlainNNX(nnx.Rngs(0)), tokens),
    Sound("cast_before_a_layer_function", seeded(Plain), lambda: cast_before, tokens),
    Sound("lowest_mask_linen", seeded(LowestMask), LowestMaskLinen, tokens),
    Sound("lowest_mask_nnx", seeded(LowestMask), lambda: LowestMaskNNX(nnx.Rngs(0)), tokens),
    Sound("hash_that_wraps_linen", seeded(Hashed), HashedLinen, tokens),
]
