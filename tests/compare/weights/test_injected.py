"""A number that was set in a state is what the run goes on with."""

import jax
import optax
import pytest

from compare import torch_twin
from compare.errors import UsageError

USERS_MODELS = True  # optax's schedules do not run under strict promotion


def test_what_was_injected_later_is_not_lost():
    """A number set in the state is what the run goes on with, and not what the closure was given."""
    params = {"w": jax.numpy.ones(2)}
    injected = optax.inject_hyperparams(optax.sgd)(learning_rate=0.1)
    state = injected.init(params)
    assert torch_twin(injected, params, state).optimizer.param_groups[0]["lr"] == 0.1
    state.hyperparams["learning_rate"] = jax.numpy.asarray(0.5)
    with pytest.raises(UsageError, match=r"is 0\.5, and the transformation was made with 0\.1: make it with"):
        torch_twin(injected, params, state)


def test_what_follows_a_schedule_was_not_set():
    """The state holds its last value, which is no other than the schedule's."""
    params = {"w": jax.numpy.ones(2)}
    injected = optax.inject_hyperparams(optax.sgd)(optax.exponential_decay(0.1, 1, 0.5))
    state = injected.init(params)
    for _ in range(2):
        _, state = injected.update(params, state, params)
    twin = torch_twin(injected, params, state)
    assert twin.optimizer.param_groups[0]["lr"] == pytest.approx(0.025)
