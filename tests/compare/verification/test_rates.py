"""Learning rates by step: jumps, a cosine that nobody stops, and what is read of an optax transformation."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from compare.pair.prepare import prepare
from compare.verification.rates import changes, is_scheduled, milestones, past_its_end, port_rates
from tests.compare.small import dense_pair

USERS_MODELS = True
NAMES = ("fc.weight", "fc.bias", "head.weight", "head.bias")


def by_step(function, steps: int = 200) -> np.ndarray:
    return np.array([[function(step)] for step in range(steps)])


def cosine(step: int, period: int = 50) -> float:
    return 0.05 * (1 + np.cos(np.pi * step / period))


def test_jumps_are_milestones_and_slopes_are_none():
    """After how many steps the rate changes; a schedule that always does has none."""
    assert milestones(by_step(lambda step: 0.1 * 0.5 ** (step // 60))) == (60, 120, 180)
    assert milestones(by_step(cosine)) == ()
    assert milestones(by_step(lambda step: 0.1)) == ()
    assert changes(by_step(cosine))
    assert not changes(by_step(lambda step: 0.1))
    assert not changes(None)


@pytest.mark.parametrize(
    ("schedule", "end"),
    [
        (cosine, 51),
        (lambda step: min(1.0, (step + 1) / 10) * cosine(max(0, step - 9)), 60),
        (lambda step: cosine(step % 50), None),  # a restart
        (lambda step: 0.1 * abs(1 - step % 100 / 50), None),  # a triangle
        (lambda step: cosine(min(step, 50)), None),  # stays
        (lambda step: 0.1 * 0.97**step, None),
        (lambda step: 0.1, None),
    ],
)
def test_a_cosine_that_goes_on_has_an_end(schedule, end):
    """Where it turns, as a mirror image of itself; what jumps, has a corner or stays is no such thing."""
    assert past_its_end(by_step(schedule)) == end


def test_the_rates_of_a_port_are_read_by_parameter():
    """Of a schedule, and of two groups; in float32 and exactly."""
    prepared = prepare(dense_pair())
    at = np.arange(100)
    read = port_rates(optax.adam(optax.cosine_decay_schedule(0.1, 50)), prepared, NAMES)
    assert read is not None
    wanted = np.array([cosine(min(step, 50)) for step in at])
    np.testing.assert_allclose(read.at(at, exact=True)[:, 0], wanted, rtol=1e-13, atol=1e-17)
    low = read.at(at, exact=False)[:, 0]
    np.testing.assert_array_equal(low, low.astype(np.float32))

    def labels(params):
        return {layer: {"kernel": "w", "bias": "b"} for layer in params}

    groups = optax.partition({"w": optax.sgd(0.1), "b": optax.sgd(lambda count: 0.5 / (1 + count))}, labels)
    read = port_rates(groups, prepared, NAMES)
    assert read is not None
    np.testing.assert_allclose(read.at(at[:2], exact=True), [[0.1, 0.5, 0.1, 0.5], [0.1, 0.25, 0.1, 0.25]])


def test_what_cannot_be_read_is_none_and_may_be_scheduled():
    """A transformation of one's own; accumulation counts other steps."""
    prepared = prepare(dense_pair())
    own = optax.GradientTransformation(lambda p: jnp.zeros(()), lambda g, s, p=None: (g, s))
    assert is_scheduled(own)
    assert is_scheduled(optax.sgd(optax.cosine_decay_schedule(0.1, 50)))
    assert not is_scheduled(optax.adamw(1e-3))
    assert not is_scheduled(optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1, momentum=0.9)))
    assert port_rates(optax.MultiSteps(optax.sgd(0.1), 2), prepared, NAMES) is None
