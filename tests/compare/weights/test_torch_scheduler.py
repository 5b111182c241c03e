"""Rates of groups as one scheduler of torch's."""

import jax
import numpy as np
import optax
import pytest
import torch

from compare.errors import UsageError
from compare.weights.torch_scheduler import at_steps, torch_scheduler
from jaxport.optimizers import reduce_lr_on_plateau

USERS_MODELS = True  # optax's schedules do not run under strict promotion
MEMORY = {"learning_rate": 0.3, "best": 2.0, "num_bad_epochs": 1.0, "cooldown_counter": 0.0, "last_epoch": 7.0}


def _optimizer():
    return torch.optim.SGD([{"params": [torch.nn.Parameter(torch.ones(1))], "lr": 0.5} for _ in range(2)])


def test_numbers_need_none_and_functions_are_asked_for_each_group():
    """A number stays beside a function."""
    assert torch_scheduler(_optimizer(), [0.1, 0.2], 0, [None, None]) is None
    optimizer = _optimizer()
    scheduler = torch_scheduler(optimizer, [0.5, lambda step: 2.0**-step], 2, [None, None])
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.25]
    optimizer.step()
    scheduler.step()
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.125]


def test_a_schedule_is_followed_as_it_is_compiled():
    """Where optax's staircase falls, a quotient may be rounded; a function that branches is called as it is."""
    rate, steps = optax.exponential_decay(1.0, 107, 0.5, staircase=True), (106, 107, 108)
    with jax.enable_x64(True):
        compiled = [float(jax.jit(rate)(np.int32(step))) for step in steps]
    assert [at_steps(rate)(step) for step in steps] == compiled
    assert [at_steps(lambda step: 2.0 if step < 3 else 1.0)(step) for step in (2, 3)] == [2.0, 1.0]


def test_each_group_has_its_own_rate_and_its_own_least():
    """And one memory."""
    optimizer = _optimizer()
    rates = [reduce_lr_on_plateau(1.0, min_lr=least) for least in (0.0, 0.1)]
    scheduler = torch_scheduler(optimizer, rates, 0, [MEMORY, {**MEMORY, "learning_rate": 0.2}])
    assert [group["lr"] for group in optimizer.param_groups] == [0.3, 0.2]
    assert (scheduler.min_lrs, scheduler.best, scheduler.num_bad_epochs) == ([0.0, 0.1], 2.0, 1)
    assert (scheduler.last_epoch, scheduler.get_last_lr()) == (7, [0.3, 0.2])


@pytest.mark.parametrize("other", [{"best": 1.0}, {"num_bad_epochs": 0.0}])
def test_two_memories_are_refused(other):
    """torch has one."""
    with pytest.raises(UsageError, match="one memory"):
        torch_scheduler(_optimizer(), [reduce_lr_on_plateau(1.0)] * 2, 0, [MEMORY, {**MEMORY, **other}])
