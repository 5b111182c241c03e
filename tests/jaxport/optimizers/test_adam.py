"""Adam and its relatives, by their formulas in NumPy: two steps, and what differs from optax."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxport.optimizers import adam, adamax, adamw, exponential_lr, nadam, radam

USERS_MODELS = True  # optax's Adam does not run under strict promotion
GRADS = [np.array([4.0, -1.0]), np.array([0.5, 8.0])]
START = np.array([1.0, -2.0])


def _stepped(optimizer: optax.GradientTransformation) -> np.ndarray:
    with jax.enable_x64(True):
        params = jnp.array(START)
        state = optimizer.init(params)
        for grad in GRADS:
            updates, state = optimizer.update(jnp.array(grad), state, params)
            params = optax.apply_updates(params, updates)
        return np.asarray(params)


def _moments(b1: float = 0.9, b2: float = 0.5) -> list[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    first, second, seen = np.zeros(2), np.zeros(2), []
    for step, grad in enumerate(GRADS, 1):
        first, second = b1 * first + (1 - b1) * grad, b2 * second + (1 - b2) * grad**2
        seen.append((step, grad, first, second))
    return seen


def test_amsgrad_takes_the_largest_raw_moment():
    """Not the largest corrected one, as ``optax.amsgrad`` does."""
    params, largest = START, np.zeros(2)
    for step, _, first, second in _moments():
        largest = np.maximum(largest, second)
        root = np.sqrt(largest / (1 - 0.5**step)) + 0.1
        params = params - 0.01 * first / (1 - 0.9**step) / root
    np.testing.assert_allclose(_stepped(adam(0.01, b2=0.5, eps=0.1, amsgrad=True)), params, rtol=1e-14)
    assert np.abs(_stepped(optax.amsgrad(0.01, b2=0.5, eps=0.1)) - params).max() > 1e-4


def test_nadams_momentum_is_warmed_up():
    """From half of ``b1`` on."""
    params, product = START, np.float32(1)
    for step, grad, first, second in _moments():
        now, following = (0.9 * (1 - 0.5 * 0.96 ** (one * 4e-3)) for one in (step, step + 1))
        product = np.float32(product * np.float32(now))
        root = np.sqrt(second / (1 - 0.5**step)) + 1e-8
        way = (1 - now) / (1 - float(product)) * grad + following / (1 - float(product) * following) * first
        params = params - 0.01 * way / root
    np.testing.assert_allclose(_stepped(nadam(0.01, b2=0.5)), params, rtol=1e-14)


def test_radam_moves_by_its_mean_at_first():
    """Two gradients are too few to trust the second moment."""
    params = START
    for step, _, first, _ in _moments():
        params = params - 0.01 * first / (1 - 0.9**step)
    np.testing.assert_allclose(_stepped(radam(0.01)), params, rtol=1e-14)


def test_radam_is_rectified_in_float32_as_in_float64():
    """By a number that is a difference of two near 2,000 at first: optax's own is 1e-2 off at the sixth step."""
    with jax.enable_x64(False):
        rule, params = radam(1.0), jnp.zeros((), jnp.float32)
        state = rule.init(params)
        for step in range(1, 301):
            update, state = rule.update(jnp.ones((), jnp.float32), state, params)
            power = 0.999**step
            length = 1999 - 2 * step * power / (1 - power)
            share = (length - 4) * (length - 2) * 1999 / (1995 * 1997 * length) if length > 5 else 1.0
            np.testing.assert_allclose(update, -np.sqrt(share), rtol=2e-5)


@pytest.mark.parametrize(
    ("ours", "optaxs"),
    [(adam(0.01), optax.adam(0.01)), (adamw(0.01, weight_decay=0.1), optax.adamw(0.01, weight_decay=0.1)),
     (adamax(0.01), optax.adamax(0.01))],
)  # fmt: skip
def test_where_optaxs_own_is_the_same_it_is_used(ours, optaxs):
    """To the last bit."""
    np.testing.assert_array_equal(_stepped(ours), _stepped(optaxs))


@pytest.mark.parametrize("make", [nadam, partial(adam, amsgrad=True)])
def test_our_own_rules_run_under_strict_promotion(make):
    """With a rate that falls; optax's Adam does not."""
    params = {"w": jnp.ones(3)}
    with jax.numpy_dtype_promotion("strict"):
        rule = make(exponential_lr(0.1, 0.9))
        updates, state = rule.update(params, rule.init(params), params)
        again, _ = rule.update(params, state, params)
    assert float(updates["w"][0]) < float(again["w"][0]) < 0
