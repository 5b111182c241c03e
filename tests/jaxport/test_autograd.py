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
    bytes_kept,
    complex_gradient,
    detach,
    loose_mlp,
    micro_batches,
    no_grad,
    tape,
)

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
    """Arguments of a lesson on the MLP, in float64: 16 rows, so that they split in four."""
    rng = np.random.default_rng(2)
    return params | {"x": jnp.array(rng.standard_normal((16, 4))), "y": jnp.array(rng.integers(0, 3, 16), jnp.int32)}


def test_a_scaled_weight_is_an_argument_like_any_other(case: dict[str, jax.Array]) -> None:
    """By the chain rule, the raw one's gradient is the scaled one's, scaled."""
    seen = tape(**case)
    after = seen["gradient of W1 after scaling"]
    np.testing.assert_allclose(seen["gradient of W1 before scaling"], after * (2 / 4) ** 0.5, rtol=1e-13)


def test_the_derivation_by_hand_holds_in_every_entry(case: dict[str, jax.Array]) -> None:
    """To a few units in the last place."""
    seen = by_hand(**case)
    for name in SHAPES:
        np.testing.assert_allclose(seen[f"{name} by hand"], seen[f"{name} derived"], rtol=0, atol=1e-15)


def test_never_zeroing_is_momentum_one() -> None:
    """The same losses as optax.sgd with momentum 1; they fall for four steps and then rise."""
    rng = np.random.default_rng(3)
    with jax.enable_x64(True):
        x, w = jnp.array(rng.standard_normal((64, 4))), jnp.zeros(4)
        y = x @ jnp.array([1.0, -2.0, 0.5, 1.5]) + 0.1 * jnp.array(rng.standard_normal(64))
        seen = np.asarray(accumulation(x, y, w)["losses"])
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


def test_equal_micro_batches_make_the_full_batch(case: dict[str, jax.Array]) -> None:
    """Unequal ones, equally weighted, do not; MultiSteps takes the full batch's step, in float64 if it is told to."""
    with jax.numpy_dtype_promotion("standard"):  # MultiSteps divides by an integer
        seen = micro_batches(**case)
    np.testing.assert_allclose(seen["four micro-batches"], seen["full batch"], rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(seen["W1 after the step"], case["W1"] - 0.5 * seen["full batch"], rtol=1e-13)
    assert jnp.abs(seen["uneven parts, equally weighted"] - seen["full batch"]).max() > 1e-3


def test_bytes_are_those_of_the_residuals() -> None:
    """exp keeps its result, tanh one array (two before JAX 0.11), a sum none; what the caller holds counts nothing."""
    x = jnp.ones((10, 3), jnp.float32)
    assert bytes_kept(lambda x: jnp.exp(x).sum(), x, []) == 120
    assert bytes_kept(lambda x: jnp.tanh(x).sum(), x, []) in (120, 240)
    assert bytes_kept(lambda x: x.sum(), x, []) == 0
    assert bytes_kept(lambda w: (w * x).sum(), jnp.full((10, 3), 2, jnp.float32), [x]) == 0


def test_nothing_is_kept_where_no_gradient_is_asked_for(case: dict[str, jax.Array]) -> None:
    """At least the hidden layer is, where one is."""
    seen = no_grad(**case)
    assert seen["bytes kept without a gradient"] == 0
    assert seen["bytes kept"] >= 16 * 6 * 8


def test_before_the_cut_the_gradient_is_zero_and_less_is_kept() -> None:
    """And the array stays as it was, whatever is written."""
    rng = np.random.default_rng(4)
    shapes = {"x": (5, 4), "W1": (6, 4), "W2": (3, 6), "W3": (2, 3)}
    seen = detach(**{name: jnp.array(rng.standard_normal(shape), jnp.float32) for name, shape in shapes.items()})
    assert not seen["gradient of W1"].any()
    assert seen["gradient of W3"].any()
    assert abs(seen["original after writing a copy"]) < 1
    assert "immutable" in seen["refused"]
    assert seen["bytes kept with the cut"] < seen["bytes kept"]


@pytest.mark.parametrize("shape", [(4,), (2, 5, 4)])
def test_shapes_are_enforced(params: dict[str, jax.Array], shape: tuple[int, ...]) -> None:
    """One row without its axis, and a batch of batches, raise."""
    pytest.importorskip("beartype")
    from jaxtyping import TypeCheckError

    with pytest.raises(TypeCheckError):
        loose_mlp(params, jnp.zeros(shape))


def test_a_complex_gradient_is_the_conjugate_of_the_way_up():
    """Against its conjugate both parts descend; against itself the imaginary ones climb."""
    made = complex_gradient(jnp.array([1 + 4j, -0.5 - 3j]))
    rising = made["gradient as dL/dx + i dL/dy"]
    np.testing.assert_allclose(rising, jax.lax.complex(made["dL/dx"], made["dL/dy"]), rtol=1e-6)
    np.testing.assert_array_equal(made["gradient as it comes"], np.conj(rising))
    assert made["loss after a step against it"] < made["loss"] < made["loss after a step against it as it comes"]
