"""The port's perceptron with batch norm and dropout."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest
from flax import errors

from jaxport.mlp_regularized import RegularizedMLP

USERS_MODELS = True  # Flax's BatchNorm does not run under strict promotion
MODEL = RegularizedMLP(hidden=50, n_classes=3)


@pytest.fixture(scope="module")
def images() -> jax.Array:
    return jnp.arange(72.0).reshape(6, 1, 3, 4) / 72


@pytest.fixture(scope="module")
def variables(images: jax.Array) -> Any:
    return MODEL.init(jax.random.key(0), images, train=False)


def test_batch_norm_adds_two_parameters_and_two_statistics_a_unit() -> None:
    """101,770 and 2 x 128; dropout has nothing."""
    shapes = jax.eval_shape(
        lambda key: RegularizedMLP().init(key, jnp.zeros((1, 1, 28, 28)), train=False), jax.random.key(0)
    )
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes["params"])) == 101_770 + 2 * 128
    assert set(shapes["batch_stats"]["BatchNorm_0"]) == {"mean", "var"}


def test_eval_needs_neither_key_nor_permission(variables: Any, images: jax.Array) -> None:
    """And two passes agree."""
    assert jnp.array_equal(MODEL.apply(variables, images, train=False), MODEL.apply(variables, images, train=False))


def test_training_needs_both(variables: Any, images: jax.Array) -> None:
    """A call without the key, or without leave to change the statistics, raises; with both, the key decides."""
    with pytest.raises(errors.InvalidRngError):
        MODEL.apply(variables, images, train=True, mutable=["batch_stats"])
    with pytest.raises(errors.ModifyScopeVariableError):
        MODEL.apply(variables, images, train=True, rngs={"dropout": jax.random.key(1)})
    first, again, other = (
        MODEL.apply(variables, images, train=True, rngs={"dropout": jax.random.key(seed)}, mutable=["batch_stats"])[0]
        for seed in (1, 1, 2)
    )
    assert jnp.array_equal(first, again)
    assert not jnp.array_equal(first, other)


def test_the_mode_has_no_default(variables: Any, images: jax.Array) -> None:
    """Whoever forgets it hears of it."""
    with pytest.raises(TypeError, match="train"):
        MODEL.apply(variables, images)
