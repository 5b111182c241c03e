"""What is judged of jaxport/randomness.py."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from compare.lessons.row import Quantities
from jaxport.randomness import own_streams


def randomness(function: Callable[..., tuple[Array, ...]], key: Array, drawn: Array) -> Quantities:
    """What a seed repeats, and what moves it."""
    first, shifted, once, twice, weights = function(key, drawn)
    again = jax.random.normal(jax.random.key(3), (4,))
    before, after = own_streams()
    return {
        "same seed, same numbers": jnp.array_equal(first, again).item(),
        "moved by a draw before": not jnp.array_equal(first, shifted),
        "moved by a draw of another stream": not jnp.array_equal(before, after),
        "same source twice, same numbers": jnp.array_equal(once, twice).item(),
        "numbers of seed 3": first,
        "weights from NumPy": weights,
    }
