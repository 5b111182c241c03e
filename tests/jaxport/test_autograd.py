"""The port on a dictionary of arrays."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.test_util import check_grads

from jaxport.autograd import (
    accumulation,
    by_hand,
    complex_gradient,
    detach,
    distance,
    loose_mlp,
    micro_batches,
    no_grad,
    scaled_weight,
    written_copy,
)
from jaxport.losses import cross_entropy

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


@pytest.fixture
def case(params: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """The batch of a lesson on the MLP, in float64: 16 rows, so that they split in four."""
    rng = np.random.default_rng(2)
    return {"x": jnp.array(rng.standard_normal((16, 4))), "y": jnp.array(rng.integers(0, 3, 16), jnp.int32)}


def test_a_scaled_weight_is_an_argument_like_any_other(
    params: dict[str, jax.Array], case: dict[str, jax.Array]
) -> None:
    """By the chain rule, the raw one's gradient is the scaled one's, scaled."""
    before, after = scaled_weight(params["W1"], params, **case)
    np.testing.assert_allclose(before, after * (2 / 4) ** 0.5, rtol=1e-13)


def test_the_derivation_by_hand_holds_in_every_entry(params: dict[str, jax.Array], case: dict[str, jax.Array]) -> None:
    """To a few units in the last place."""
    written, derived = by_hand(params, **case)
    for name in SHAPES:
        np.testing.assert_allclose(written[name], derived[name], rtol=0, atol=1e-15)


def test_never_zeroing_is_momentum_one() -> None:
    """The same losses as optax.sgd with momentum 1; they fall for four steps and then rise."""
    rng = np.random.default_rng(3)
    with jax.enable_x64(True):
        x, w = jnp.array(rng.standard_normal((64, 4))), jnp.zeros(4)
        y = x @ jnp.array([1.0, -2.0, 0.5, 1.5]) + 0.1 * jnp.array(rng.standard_normal(64))
        seen = np.asarray(accumulation(x, y, w)[0])
        optimizer = optax.sgd(0.1, momentum=1.0)
        state, losses = optimizer.init(w), []
        for _ in range(12):
            loss, grad = jax.value_and_grad(lambda w: ((x @ w - y) ** 2).mean())(w)
            updates, state = optimizer.update(grad, state)
            w = optax.apply_updates(w, updates)
            losses.append(float(loss))
    np.testing.assert_allclose(seen, losses, rtol=1e-12)
    assert (np.diff(seen[:4]) < 0).all()
    assert seen[4:].max() > 5 * seen[:4].min()


def test_equal_micro_batches_make_the_full_batch(params: dict[str, jax.Array], case: dict[str, jax.Array]) -> None:
    """Unequal ones, equally weighted, do not; MultiSteps takes the full batch's step, in float64 if it is told to."""
    with jax.numpy_dtype_promotion("standard"):  # MultiSteps divides by an integer
        (stepped, parts), (_, full), (_, uneven) = (
            micro_batches(params, *case.values(), *splits) for splits in ((), ((),), ((4,),))
        )
    np.testing.assert_allclose(parts["W1"], full["W1"], rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(stepped["W1"], params["W1"] - 0.5 * full["W1"], rtol=1e-13)
    assert jnp.abs(uneven["W1"] - full["W1"]).max() > 1e-3


def test_a_function_has_its_gradient_whenever_it_is_asked(
    params: dict[str, jax.Array], case: dict[str, jax.Array]
) -> None:
    """After a plain call, too."""
    loss, grads = no_grad(params, **case)
    assert loss == cross_entropy(loose_mlp(params, case["x"]), case["y"])
    assert jax.tree.map(jnp.shape, grads) == SHAPES


def test_before_the_cut_the_gradient_is_zero() -> None:
    """And after it, it is not."""
    rng = np.random.default_rng(4)
    shapes = {"x": (5, 4), "W1": (6, 4), "W2": (3, 6), "W3": (2, 3)}
    *before, head = detach(
        **{name: jnp.array(rng.standard_normal(shape), jnp.float32) for name, shape in shapes.items()}
    )
    assert not any(one.any() for one in before)
    assert head.any()


def test_an_array_cannot_be_written() -> None:
    """A written copy is another array."""
    features = jnp.zeros((2, 2))
    assert written_copy(features)[0, 0] == 7
    assert features[0, 0] == 0
    with pytest.raises(TypeError, match="immutable"):
        features[0, 0] = 7


@pytest.mark.parametrize("shape", [(4,), (2, 5, 4)])
def test_shapes_are_enforced(params: dict[str, jax.Array], shape: tuple[int, ...]) -> None:
    """One row without its axis, and a batch of batches, raise."""
    pytest.importorskip("beartype")
    from jaxtyping import TypeCheckError

    with pytest.raises(TypeCheckError):
        loose_mlp(params, jnp.zeros(shape))


def test_a_complex_gradient_is_the_conjugate_of_the_way_up():
    """Against its conjugate both parts descend; against itself the imaginary ones climb."""
    z = jnp.array([1 + 4j, -0.5 - 3j])
    loss, gradient, stepped = complex_gradient(z)
    np.testing.assert_allclose(jnp.conj(gradient), 2 * (z - 1j), rtol=1e-6)
    assert distance(stepped) < loss < distance(z - 0.1 * gradient)
