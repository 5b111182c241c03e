"""Random numbers: a function of a key, which no draw changes."""

import math

import jax
from jaxtyping import Array, Float, Key


def randomness(
    key: Key[Array, ""], drawn: Float[Array, "inputs outputs"]
) -> tuple[Array, Array, Array, Array, Float[Array, "inputs outputs"]]:
    """Where random numbers come from: a key, which no draw changes.

    Returns:
        Four numbers of seed 3; four with a draw more before them; four of ``key`` and the same four again; weights from
        numbers that NumPy drew.
    """
    first = jax.random.normal(jax.random.key(3), (4,))
    jax.random.uniform(jax.random.key(3))  # one draw more, anywhere in the program
    shifted = jax.random.normal(jax.random.key(3), (4,))  # and nothing that comes after it is moved

    once = jax.random.normal(key, (4,))
    twice = jax.random.normal(key, (4,))  # one key used twice: the same numbers, and mostly a mistake
    weights = drawn / math.sqrt(drawn.shape[0])  # drawn by NumPy: the same array on any side
    return first, shifted, once, twice, weights


def own_streams() -> tuple[Array, Array]:
    """Four numbers of a key of its own, drawn twice: a draw with another key between changes nothing."""
    weights, noise = jax.random.split(jax.random.key(3))
    before = jax.random.normal(noise, (4,))
    jax.random.normal(weights, (4,))
    after = jax.random.normal(noise, (4,))
    return before, after
