"""The port on a dictionary of arrays."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxport.autograd import loose_mlp

SHAPES = {"W1": (6, 4), "b1": (6,), "W2": (3, 6), "b2": (3,)}


@pytest.fixture
def params() -> Iterator[dict[str, jax.Array]]:
    """Arrays in float64, for the length of a test."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        yield {name: jnp.array(rng.standard_normal(shape)) for name, shape in SHAPES.items()}


@pytest.fixture
def x(params: dict[str, jax.Array]) -> jax.Array:
    """Five rows."""
    return jnp.array(np.random.default_rng(1).standard_normal((5, 4)))


def test_it_is_two_affine_maps_with_a_relu_between(params: dict[str, jax.Array], x: jax.Array) -> None:
    """As NumPy computes it in float64; the logits are raw."""
    W1, b1, W2, b2 = (np.asarray(array) for array in params.values())
    wanted = np.maximum(np.asarray(x) @ W1.T + b1, 0) @ W2.T + b2
    np.testing.assert_allclose(loose_mlp(params, x), wanted, rtol=1e-13, atol=1e-15)


def test_grad_returns_one_gradient_for_each_array(params: dict[str, jax.Array], x: jax.Array) -> None:
    """A tree like the first argument's, and nothing is written anywhere."""
    before = {name: np.array(array) for name, array in params.items()}
    grads = jax.grad(lambda params: loose_mlp(params, x).sum())(params)
    assert jax.tree.map(jnp.shape, grads) == SHAPES
    assert all((params[name] == array).all() for name, array in before.items())


def test_the_gradients_are_right(params: dict[str, jax.Array], x: jax.Array) -> None:
    """Against finite differences in float64, for every parameter and the rows, forward and in reverse."""
    check_grads(lambda params, x: loose_mlp(jax.tree.map(jnp.array, params), jnp.array(x)), (params, x), order=1)


def test_the_argument_to_differentiate_is_told(params: dict[str, jax.Array], x: jax.Array) -> None:
    """By the rows, with the parameters held: nothing marks an array."""
    dx = jax.grad(lambda params, x: loose_mlp(params, x).sum(), argnums=1)(params, x)
    assert dx.shape == x.shape
    assert (dx != 0).any()


@pytest.mark.parametrize("shape", [(4,), (2, 5, 4)])
def test_shapes_are_enforced(params: dict[str, jax.Array], shape: tuple[int, ...]) -> None:
    """One row without its axis, and a batch of batches, raise."""
    pytest.importorskip("beartype")
    from jaxtyping import TypeCheckError

    with pytest.raises(TypeCheckError):
        loose_mlp(params, jnp.zeros(shape))
