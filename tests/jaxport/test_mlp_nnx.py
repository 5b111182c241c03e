"""The port's perceptron in Flax NNX."""

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from jaxport import mlp
from jaxport.mlp_nnx import MLP


def test_the_default_sizes_make_101770_parameters() -> None:
    """784 x 128 + 128 + 128 x 10 + 10, made before any image is seen."""
    params = nnx.state(nnx.eval_shape(lambda: MLP(rngs=nnx.Rngs(0))), nnx.Param)
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 101_770


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_it_is_the_linen_module(rows: int) -> None:
    """On the same weights, bit for bit, a batch of none included."""
    model = MLP(in_dim=12, hidden=5, n_classes=3, rngs=nnx.Rngs(0))
    params = {
        name: {"kernel": layer.kernel[...], "bias": layer.bias[...]}
        for name, layer in (("Dense_0", model.hidden), ("Dense_1", model.out))
    }
    images = jax.random.normal(jax.random.key(1), (rows, 1, 3, 4))
    linen = mlp.MLP(hidden=5, n_classes=3).apply({"params": params}, images)
    assert jnp.array_equal(model(images), linen)
    assert linen.shape == (rows, 3)
