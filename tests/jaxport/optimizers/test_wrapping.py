"""What is put around an optimizer: clipping, groups, masks, accumulation, averaged weights."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxport.optimizers import accumulate, by_group, clip_grad_norm, clip_grad_value, decayed, ema, sgd

USERS_MODELS = True  # optax's accumulation does not run under strict promotion


@pytest.mark.parametrize(("order", "norm"), [(2.0, 5.0), (1.0, 7.0), (np.inf, 4.0), (3.0, 91 ** (1 / 3))])
def test_a_norm_of_any_order_clips(order, norm):
    """Of all gradients together, also where one has no entries; torch's 1e-6 is in the divisor."""
    with jax.enable_x64(True):
        grads = {"a": jnp.array([3.0]), "b": jnp.array([[4.0]]), "none": jnp.zeros((0, 2))}
        clipped, _ = clip_grad_norm(1.0, order).update(grads, optax.EmptyState())
        same, _ = clip_grad_norm(10.0, order).update(grads, optax.EmptyState())
        np.testing.assert_allclose([clipped["a"][0], clipped["b"][0, 0]], np.array([3, 4]) / (norm + 1e-6), rtol=1e-14)
        assert float(same["a"][0]) == 3
        assert clip_grad_norm(1.0, order).update({}, optax.EmptyState())[0] == {}
        assert float(clip_grad_value(0.5).update(grads, optax.EmptyState())[0]["b"][0, 0]) == 0.5


def test_groups_have_settings_of_their_own():
    """And what is shared otherwise."""
    params = {"matrix": jnp.ones((2, 2)), "bias": jnp.ones(2)}
    optimizer = by_group(sgd, {"matrix": "a", "bias": "b"}, {"a": {}, "b": {"learning_rate": 0.5}}, momentum=0.0)
    updates, _ = optimizer.update(params, optimizer.init(params), params)
    np.testing.assert_allclose([updates["matrix"][0, 0], updates["bias"][0]], [-0.1, -0.5], rtol=1e-6)
    assert decayed(params) == {"matrix": True, "bias": False}


def test_an_accumulated_step_takes_the_mean():
    """Of the gradients 2 and 4; the step before leaves everything."""
    optimizer, params, moved = accumulate(sgd(1.0, 0.0), 2), jnp.zeros(()), []
    state = optimizer.init(params)
    for grad in (2.0, 4.0):
        updates, state = optimizer.update(jnp.array(grad), state, params)
        moved.append(float(updates))
    assert moved == [0, -3]


def test_an_average_moves_by_what_is_left():
    """From 1 a quarter of the way to 5."""
    assert float(ema(jnp.array(1.0), jnp.array(5.0), 0.75)) == 2
