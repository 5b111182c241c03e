"""Rprop, L-BFGS of one iteration, ASGD: their first steps by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxport.optimizers import asgd, lbfgs, rprop


def _walk(optimizer: optax.GradientTransformation, grads: list[list[float]]) -> list[np.ndarray]:
    with jax.enable_x64(True):
        params, seen = jnp.array([1.0, -2.0]), []
        state = optimizer.init(params)
        for grad in grads:
            updates, state = optimizer.update(jnp.array(grad), state, params)
            params = optax.apply_updates(params, updates)
            seen.append(np.asarray(updates))
    return seen


def test_rprop_goes_by_signs():
    """Longer where they stay, shorter and standing still once where they turn; from its first step on."""
    first, second = _walk(rprop(0.1), [[4.0, 1.0], [3.0, -1.0]])
    np.testing.assert_allclose(first, [-0.1, -0.1], rtol=1e-14)
    np.testing.assert_allclose(second, [-0.12, 0.0], rtol=1e-14)


def test_lbfgs_finds_the_minimum_of_a_quadratic():
    """Its first step is scaled by the sum of all sizes; its second has the curvature of what it went."""
    first, second = _walk(lbfgs(), [[4.0, -4.0], [3.5, -3.5]])
    np.testing.assert_allclose(first, [-0.5, 0.5], rtol=1e-14)
    np.testing.assert_allclose(second, [-3.5, 3.5], rtol=1e-14)


@pytest.mark.parametrize("grad", [[1e-8, 0.0], [0.0, 0.0]])
def test_lbfgs_rests(grad):
    """Where no gradient is above the tolerance."""
    assert (_walk(lbfgs(), [grad])[0] == 0).all()


def test_asgds_rate_falls():
    """It is float32's, whatever the parameters are."""
    first, second = _walk(asgd(0.1, lambd=0.0, alpha=1.0), [[1.0, 1.0], [1.0, 1.0]])
    np.testing.assert_array_equal(first, [-float(np.float32(0.1))] * 2)
    np.testing.assert_array_equal(second, first)
