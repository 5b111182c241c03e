"""Derivatives of derivatives, and a gradient for each example, against what they must be equal to."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxport.autograd import loose_mlp
from jaxport.higher import per_sample, second_derivatives
from jaxport.losses import cross_entropy


def test_the_products_are_the_hessian_times_v() -> None:
    """Either way round, and the Hessian is the derivation's."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x, y, w, v = (jnp.array(rng.standard_normal(shape)) for shape in ((8, 4), 8, 4, 4))
        twice, product, hessian, *_ = second_derivatives(x, y, w, v)
        by_hand = np.asarray(x.T @ (jnp.exp(x @ w)[:, None] * x) / len(x))
        wanted = by_hand @ np.asarray(v)
    np.testing.assert_allclose(hessian, by_hand, rtol=1e-12, atol=1e-15)
    for one in (twice, product):
        np.testing.assert_allclose(one, wanted, rtol=1e-12, atol=1e-15)


def test_each_gradient_is_that_of_its_example_alone() -> None:
    """As one call for each row finds it; their mean is the batch's."""
    rng = np.random.default_rng(1)
    shapes = {"W1": (6, 4), "b1": (6,), "W2": (3, 6), "b2": (3,)}
    with jax.enable_x64(True):
        params = {name: jnp.array(rng.standard_normal(shape)) for name, shape in shapes.items()}
        x, y = jnp.array(rng.standard_normal((5, 4))), jnp.array([0, 2, 1, 1, 0], jnp.int32)
        grads, norms, _ = per_sample(params, x, y)
        grad = jax.jit(jax.grad(lambda params, x, y: cross_entropy(loose_mlp(params, x), y)))
        alone = [grad(params, x[i : i + 1], y[i : i + 1]) for i in range(5)]
        batch = grad(params, x, y)
    np.testing.assert_allclose(np.asarray(grads["W1"]).mean(axis=0), batch["W1"], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(grads["W1"], [one["W1"] for one in alone], rtol=1e-12, atol=1e-15)
    whole = [np.sqrt(sum((np.asarray(leaf) ** 2).sum() for leaf in one.values())) for one in alone]
    np.testing.assert_allclose(norms, whole, rtol=1e-12)
