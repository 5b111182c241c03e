"""What is judged of jaxport/attention.py."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from compare.lessons.row import Quantities
from jaxport.attention import by_one_call, by_score


def attention(function: Callable[..., Array], queries: Array, keys: Array, values: Array, slopes: Array) -> Quantities:
    """The three ways, and the gradients by the mapped score."""
    written, called = (of(queries, keys, values, slopes) for of in (function, by_one_call))
    loss = jax.jit(lambda *arrays: jnp.square(by_score(*arrays, slopes)).sum())
    gradients = jax.grad(loss, argnums=(0, 1, 2))(queries, keys, values)
    return {
        "by score": by_score(queries, keys, values, slopes),
        "by one call": called,
        "by one call, as the formula to 1e-5": jnp.abs(called - written).max().item() < 1e-5,
        "by formula": written,
        "gradient of queries": gradients[0],
        "gradient of keys": gradients[1],
        "gradient of values": gradients[2],
    }
