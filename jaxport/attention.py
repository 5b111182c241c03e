"""Attention by its formula, by dot_product_attention and by a mapped function of one score."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

Heads = Float[Array, "batch positions heads features"]


def distance_bias(
    slopes: Float[Array, "heads"], length: int
) -> tuple[Float[Array, "heads length length"], Bool[Array, "length length"]]:
    """What is added to the scores of query i and key j: less the farther j lies back. And where j is not after i."""
    positions = jnp.arange(length)
    distance = positions[:, None] - positions
    return -slopes[:, None, None] * distance.astype(slopes.dtype), distance >= 0


@jax.jit
def attention(queries: Heads, keys: Heads, values: Heads, slopes: Float[Array, "heads"]) -> Heads:
    """Causal attention with a bias by distance, as its formula: softmax of the scores, then a mean of the values."""
    bias, mask = distance_bias(slopes, queries.shape[1])
    scores = jnp.einsum("bihf,bjhf->bhij", queries, keys) / math.sqrt(queries.shape[3]) + bias
    weights = jax.nn.softmax(scores, where=mask)  # no weight for a later position
    return jnp.einsum("bhij,bjhf->bihf", weights, values)


@jax.jit
def by_one_call(queries: Heads, keys: Heads, values: Heads, slopes: Float[Array, "heads"]) -> Heads:
    """The same in one call, which takes heads after positions, and its softmax in float32."""
    bias, mask = distance_bias(slopes, queries.shape[1])
    return jax.nn.dot_product_attention(queries, keys, values, bias[None], mask[None, None])


@jax.jit
def by_score(queries: Heads, keys: Heads, values: Heads, slopes: Float[Array, "heads"]) -> Heads:
    """The same from a function of one score, mapped over all of them; ``jit`` fuses it with what stands around it."""

    @jnp.vectorize  # written for one score, called with all of them: what FlexAttention does with its function
    def modified(score: Array, head: Array, i: Array, j: Array) -> Array:
        return jnp.where(i >= j, score - slopes[head] * (i - j).astype(score.dtype), -jnp.inf)

    positions, heads = jnp.arange(queries.shape[1]), jnp.arange(queries.shape[2])
    scores = jnp.einsum("bihf,bjhf->bhij", queries, keys) / math.sqrt(queries.shape[3])
    scores = modified(scores, heads[:, None, None], positions[:, None], positions)
    return jnp.einsum("bhij,bjhf->bihf", jax.nn.softmax(scores), values)
