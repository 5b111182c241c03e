"""Schedulers: the learning rates that they write into an optimizer."""

import pytest
import torch

from torchref.optimizers import (
    constant_lr,
    cosine_annealing_lr,
    cosine_annealing_warm_restarts,
    exponential_lr,
    linear_lr,
    multi_step_lr,
    one_cycle_lr,
    polynomial_lr,
    reduce_lr_on_plateau,
    sgd,
    step_lr,
    warmup_then_cosine,
)


@pytest.mark.parametrize(
    ("make", "rates"),
    [
        (lambda o: constant_lr(o, 0.5, 2), [0.5, 0.5, 1, 1]),
        (lambda o: step_lr(o, 2, 0.5), [1, 1, 0.5, 0.5]),
        (lambda o: multi_step_lr(o, (1, 3), 0.5), [1, 0.5, 0.5, 0.25]),
        (lambda o: linear_lr(o, 0.5, 1.0, 2), [0.5, 0.75, 1, 1]),
        (lambda o: exponential_lr(o, 0.5), [1, 0.5, 0.25, 0.125]),
        (lambda o: polynomial_lr(o, 2), [1, 0.5, 0, 0]),
        (lambda o: cosine_annealing_lr(o, 2), [1, 0.5, 0, 0.5]),
        (lambda o: cosine_annealing_warm_restarts(o, 2), [1, 0.5, 1, 0.5]),
        (lambda o: one_cycle_lr(o, 1.0, 4, 0.5, "linear", div_factor=2.0, final_div_factor=1.0), [0.5, 1, 0.75, 0.5]),
        (lambda o: warmup_then_cosine(o, 2, 2, 0.5), [0.5, 0.75, 1, 0.5]),
    ],
)
def test_the_rates_of_four_steps(make, rates):
    """By hand, from a learning rate of 1."""
    optimizer = sgd([torch.nn.Parameter(torch.ones(1))], learning_rate=1.0)
    scheduler, seen = make(optimizer), []
    for _ in range(4):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert seen == pytest.approx(rates, abs=1e-12)


def test_a_plateau_lowers_the_rate():
    """After one value more than its patience without a better one."""
    optimizer = sgd([torch.nn.Parameter(torch.ones(1))], learning_rate=1.0)
    scheduler = reduce_lr_on_plateau(optimizer, factor=0.5, patience=1)
    for _ in range(3):
        scheduler.step(1.0)
    assert optimizer.param_groups[0]["lr"] == 0.5
