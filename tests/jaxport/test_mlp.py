"""The port's multilayer perceptron."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxport.mlp import MLP


def _params(model: MLP, *image: int) -> Any:
    return model.init(jax.random.key(0), jnp.zeros((1, *image)))["params"]


@pytest.fixture(scope="module")
def params() -> Any:
    """The parameters at the default sizes."""
    return _params(MLP(), 1, 28, 28)


def test_the_default_sizes_make_101770_parameters(params: Any) -> None:
    """784 x 128 + 128 + 128 x 10 + 10."""
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 101_770


def test_a_kernel_has_one_column_for_each_output(params: Any) -> None:
    """The names and shapes that the weight map relies on."""
    assert jax.tree.map(jnp.shape, params) == {
        "Dense_0": {"kernel": (784, 128), "bias": (128,)},
        "Dense_1": {"kernel": (128, 10), "bias": (10,)},
    }


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_images_in_logits_out(params: Any, rows: int) -> None:
    """(batch, 1, 28, 28) becomes (batch, 10), a batch of one and of none included."""
    assert MLP().apply({"params": params}, jnp.zeros((rows, 1, 28, 28))).shape == (rows, 10)


def test_the_sizes_are_arguments() -> None:
    """Width and number of classes are arguments, the input size is read off the first batch."""
    model = MLP(hidden=5, n_classes=3)
    params = _params(model, 1, 3, 4)
    assert [leaf.shape for leaf in jax.tree.leaves(params)] == [(5,), (12, 5), (3,), (5, 3)]
    assert model.apply({"params": params}, jnp.zeros((2, 1, 3, 4))).shape == (2, 3)


def test_parameters_and_logits_are_float32(params: Any) -> None:
    """Nothing is made at another precision by default."""
    logits = MLP().apply({"params": params}, jnp.zeros((1, 1, 28, 28)))
    assert {leaf.dtype for leaf in jax.tree.leaves((params, logits))} == {jnp.dtype("float32")}


def test_parameters_are_the_only_collection() -> None:
    """No state beside the parameters: ``apply`` with them alone is a pure function."""
    assert set(MLP().init(jax.random.key(0), jnp.zeros((1, 1, 2, 2)))) == {"params"}


def test_the_logits_are_raw() -> None:
    """Flatten, affine, ReLU, affine and no softmax, as NumPy computes it in float64."""
    model, rng = MLP(hidden=50, n_classes=3), np.random.default_rng(0)
    W1, b1, W2, b2 = (rng.standard_normal(shape) for shape in [(12, 50), (50,), (50, 3), (3,)])
    images = rng.standard_normal((6, 1, 3, 4))
    params = {"Dense_0": {"kernel": W1, "bias": b1}, "Dense_1": {"kernel": W2, "bias": b2}}
    with jax.enable_x64(True):
        logits = np.asarray(model.apply({"params": jax.tree.map(jnp.array, params)}, jnp.array(images)))
    wanted = np.maximum(images.reshape(6, -1) @ W1 + b1, 0) @ W2 + b2
    np.testing.assert_allclose(logits, wanted, rtol=1e-12, atol=1e-14)
