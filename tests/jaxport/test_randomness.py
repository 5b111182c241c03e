"""The port's random numbers."""

import jax
import jax.numpy as jnp


def test_a_key_is_a_value() -> None:
    """A draw leaves it as it is; split and fold_in make others from it, the same ones each time."""
    key = jax.random.key(0)
    jax.random.normal(key, (3,))
    assert key == jax.random.key(0)
    assert (jax.random.split(key) == jax.random.split(key)).all()
    assert jax.random.fold_in(key, 1) != jax.random.fold_in(key, 2)


def test_a_key_used_twice_makes_two_draws_one() -> None:
    """Masks of two layers from one key are equal; from split keys they are not."""
    key = jax.random.key(0)
    first, second = (jax.random.bernoulli(one, shape=(64,)) for one in (key, key))
    assert jnp.array_equal(first, second)
    first, second = (jax.random.bernoulli(one, shape=(64,)) for one in jax.random.split(key))
    assert not jnp.array_equal(first, second)
