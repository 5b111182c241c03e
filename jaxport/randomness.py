"""Random numbers: a function of a key, which no draw changes."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key


def randomness(key: Key[Array, ""], drawn: Float[Array, "inputs outputs"]) -> dict[str, object]:
    """Where random numbers come from: a state that moves on, or a key that does not."""
    first = jax.random.normal(jax.random.key(3), (4,))
    again = jax.random.normal(jax.random.key(3), (4,))
    jax.random.uniform(jax.random.key(3))  # one draw more, anywhere in the program
    shifted = jax.random.normal(jax.random.key(3), (4,))

    weights_key, noise_key = jax.random.split(jax.random.key(3))
    noise = jax.random.normal(noise_key, (4,))
    jax.random.normal(weights_key, (4,))  # a key of its own leaves the others as they are
    noise_after = jax.random.normal(noise_key, (4,))

    once, twice = jax.random.normal(key, (4,)), jax.random.normal(key, (4,))  # one key used twice: mostly a mistake
    weights = drawn / math.sqrt(drawn.shape[0])  # drawn by NumPy: the same array on any side
    return {
        "same seed, same numbers": jnp.array_equal(first, again).item(),
        "moved by a draw before": not jnp.array_equal(first, shifted),
        "moved by a draw of another stream": not jnp.array_equal(noise, noise_after),
        "same source twice, same numbers": jnp.array_equal(once, twice).item(),
        "numbers of seed 3": first,
        "weights from NumPy": weights,
    }
