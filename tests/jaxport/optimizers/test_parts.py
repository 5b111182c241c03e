"""What stands around a rule."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxport.optimizers.parts import by_rate, downhill, is_off, scheduled, wide

USERS_MODELS = True  # optax's schedules do not run under strict promotion


@pytest.mark.parametrize(
    ("told", "moved"),
    [
        ({}, -0.1 * 3),
        ({"maximize": True}, 0.1 * 3),
        ({"weight_decay": 0.5}, -0.1 * (3 + 1)),
        ({"weight_decay": 0.5, "maximize": True}, -0.1 * (-3 + 1)),
        ({"weight_decay": 0.5, "decoupled": True}, -0.1 * (3 + 1)),
        ({"weight_decay": 0.5, "mask": False}, -0.1 * 3),
    ],
)
def test_sign_decay_and_rate_stand_in_torchs_order(told, moved):
    """On a weight of 2 with a gradient of 3."""
    optimizer = downhill(optax.identity(), 0.1, **told)
    updates, _ = optimizer.update(jnp.array(3.0), optimizer.init(jnp.array(2.0)), jnp.array(2.0))
    np.testing.assert_allclose(updates, moved, rtol=1e-6)


def test_a_schedule_is_injected_and_a_number_is_not():
    """A constant leaves no state behind."""
    assert jax.tree.leaves(scheduled(optax.trace, decay=0.9).init({})) == []
    optimizer = scheduled(optax.trace, decay=lambda step: 0.5 * step)
    state, params = optimizer.init(jnp.zeros(1)), jnp.zeros(1)
    for _ in range(3):
        moved, state = optimizer.update(jnp.ones(1), state, params)
    assert float(moved[0]) == 1 + 1.0 * (1 + 0.5 * 1)


def test_a_wide_schedule_computes_in_float64():
    """optax's own is 1e-8 off under x64."""
    narrow = optax.exponential_decay(0.1, 1, 0.97)
    with jax.enable_x64(True):
        own, widened = (float(one(jnp.asarray(50, jnp.int32))) for one in (narrow, wide(narrow)))
    assert abs(widened / (0.1 * 0.97**50) - 1) < 1e-14 < 1e-9 < abs(own / widened - 1)


def test_what_is_off():
    """The number 0 alone."""
    assert [is_off(one) for one in (0, 0.0, 0.1, None, lambda step: 0.0, jnp.zeros(()))] == [True, True, *[False] * 4]
    assert by_rate(0.5).update(1.0, optax.ScaleState())[0] == -0.5
