"""Attention by a mapped function of one score, by dot_product_attention and by its formula."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def attention(
    queries: Float[Array, "batch positions heads features"],
    keys: Float[Array, "batch positions heads features"],
    values: Float[Array, "batch positions heads features"],
    slopes: Float[Array, "heads"],
) -> dict[str, object]:
    """Causal attention with a bias by distance: as a function of one score, as one call, and as a formula."""
    length, heads, features = queries.shape[1:]
    positions = jnp.arange(length)

    @jnp.vectorize  # written for one score, called with all of them: what FlexAttention does with its function
    def modified(score: Array, head: Array, i: Array, j: Array) -> Array:
        return jnp.where(i >= j, score - slopes[head] * (i - j).astype(score.dtype), -jnp.inf)

    @jax.jit
    def by_score(queries: Array, keys: Array, values: Array) -> Array:
        scores = jnp.einsum("bihf,bjhf->bhij", queries, keys) / math.sqrt(features)
        scores = modified(scores, jnp.arange(heads)[:, None, None], positions[:, None], positions)
        return jnp.einsum("bhij,bjhf->bihf", jax.nn.softmax(scores), values)

    distance = positions[:, None] - positions
    bias = -slopes[:, None, None] * distance.astype(slopes.dtype)
    mask = distance >= 0
    by_call = jax.jit(jax.nn.dot_product_attention)(queries, keys, values, bias[None], mask[None, None])
    loss = jax.jit(lambda *arrays: jnp.square(by_score(*arrays)).sum())
    gradients = jax.grad(loss, argnums=(0, 1, 2))(queries, keys, values)

    @jax.jit
    def by_formula(queries: Array, keys: Array, values: Array) -> Array:
        scores = jnp.einsum("bihf,bjhf->bhij", queries, keys) / math.sqrt(features) + bias
        return jnp.einsum("bhij,bjhf->bihf", jax.nn.softmax(scores, where=mask), values)

    written = by_formula(queries, keys, values)
    return {
        "by score": by_score(queries, keys, values),
        "by one call": by_call,
        "by one call, as the formula to 1e-5": jnp.abs(by_call - written).max().item() < 1e-5,
        "by formula": written,
        "gradient of queries": gradients[0],
        "gradient of keys": gradients[1],
        "gradient of values": gradients[2],
    }
