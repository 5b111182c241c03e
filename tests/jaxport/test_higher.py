"""Derivatives of derivatives, and a gradient for each example, against what they must be equal to."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxport.autograd import loose_mlp
from jaxport.higher import per_sample, second_derivatives
from jaxport.losses import cross_entropy


def test_the_products_are_the_hessian_times_v() -> None:
    """Either way round, and the Hessian is the derivation's; a vector has no gradient."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x, y, w, v = (jnp.array(rng.standard_normal(shape)) for shape in ((8, 4), 8, 4, 4))
        seen = second_derivatives(x, y, w, v)
        product = np.asarray(seen["Hessian by hand"] @ v)
    np.testing.assert_allclose(seen["Hessian"], seen["Hessian by hand"], rtol=1e-12, atol=1e-15)
    for way in ("reverse over reverse", "forward over reverse"):
        np.testing.assert_allclose(seen[f"Hessian times v, {way}"], product, rtol=1e-12, atol=1e-15)
    assert "scalar-output" in seen["gradient of a vector"]


def test_each_gradient_is_that_of_its_example_alone() -> None:
    """As one call for each row finds it; their mean is the batch's."""
    rng = np.random.default_rng(1)
    shapes = {"W1": (6, 4), "b1": (6,), "W2": (3, 6), "b2": (3,)}
    with jax.enable_x64(True):
        params = {name: jnp.array(rng.standard_normal(shape)) for name, shape in shapes.items()}
        x, y = jnp.array(rng.standard_normal((5, 4))), jnp.array([0, 2, 1, 1, 0], jnp.int32)
        seen = per_sample(x, y, **params)
        grad = jax.jit(jax.grad(lambda params, x, y: cross_entropy(loose_mlp(params, x), y)))
        alone = [grad(params, x[i : i + 1], y[i : i + 1]) for i in range(5)]
    np.testing.assert_allclose(seen["their mean"], seen["gradient of the batch"], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(seen["gradients of W1"], [one["W1"] for one in alone], rtol=1e-12, atol=1e-15)
    norms = [np.sqrt(sum((np.asarray(leaf) ** 2).sum() for leaf in one.values())) for one in alone]
    np.testing.assert_allclose(seen["norms"], norms, rtol=1e-12)
