"""Learning rates that change: schedulers, each of which writes into its optimizer when it is stepped after it."""

from typing import Any

import torch
from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler


def constant_lr(optimizer: Optimizer, factor: float = 1 / 3, total_iters: int = 5) -> LRScheduler:
    """The learning rate times ``factor`` for ``total_iters`` steps, and itself from there on."""
    return lr_scheduler.ConstantLR(optimizer, factor, total_iters)


def step_lr(optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> LRScheduler:
    """Times ``gamma`` every ``step_size`` steps."""
    return lr_scheduler.StepLR(optimizer, step_size, gamma)


def multi_step_lr(optimizer: Optimizer, milestones: tuple[int, ...], gamma: float = 0.1) -> LRScheduler:
    """Times ``gamma`` at each of ``milestones``."""
    return lr_scheduler.MultiStepLR(optimizer, milestones, gamma)


def linear_lr(
    optimizer: Optimizer, start_factor: float = 1 / 3, end_factor: float = 1.0, total_iters: int = 5
) -> LRScheduler:
    """A line between two factors of the learning rate."""
    return lr_scheduler.LinearLR(optimizer, start_factor, end_factor, total_iters)


def exponential_lr(optimizer: Optimizer, gamma: float) -> LRScheduler:
    """Times ``gamma`` in every step."""
    return lr_scheduler.ExponentialLR(optimizer, gamma)


def polynomial_lr(optimizer: Optimizer, total_iters: int = 5, power: float = 1.0) -> LRScheduler:
    """Down to 0 in ``total_iters`` steps."""
    return lr_scheduler.PolynomialLR(optimizer, total_iters, power)


def cosine_annealing_lr(optimizer: Optimizer, t_max: int, eta_min: float = 0.0) -> LRScheduler:
    """Half a cosine down to ``eta_min`` in ``t_max`` steps, and up again after them."""
    return lr_scheduler.CosineAnnealingLR(optimizer, t_max, eta_min)


def cosine_annealing_warm_restarts(
    optimizer: Optimizer, t_0: int, t_mult: int = 1, eta_min: float = 0.0
) -> LRScheduler:
    """Half a cosine down in ``t_0`` steps, and again from the top in ``t_mult`` times as many, and so on."""
    return lr_scheduler.CosineAnnealingWarmRestarts(optimizer, t_0, t_mult, eta_min)


def one_cycle_lr(
    optimizer: Optimizer,
    max_lr: float,
    total_steps: int,
    pct_start: float = 0.3,
    anneal_strategy: Any = "cos",
    base_momentum: float = 0.85,
    max_momentum: float = 0.95,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    three_phase: bool = False,
) -> LRScheduler:
    """The learning rate up to ``max_lr`` and down to nearly nothing; the momentum down and up meanwhile."""
    return lr_scheduler.OneCycleLR(
        optimizer,
        max_lr,
        total_steps,
        pct_start=pct_start,
        anneal_strategy=anneal_strategy,
        base_momentum=base_momentum,
        max_momentum=max_momentum,
        div_factor=div_factor,
        final_div_factor=final_div_factor,
        three_phase=three_phase,
    )


def warmup_then_cosine(
    optimizer: Optimizer, warmup: int, t_max: int, start_factor: float = 0.1, eta_min: float = 0.0
) -> LRScheduler:
    """A line up in ``warmup`` steps, then half a cosine down in ``t_max``."""
    up = lr_scheduler.LinearLR(optimizer, start_factor, 1.0, warmup)
    down = lr_scheduler.CosineAnnealingLR(optimizer, t_max, eta_min)
    return lr_scheduler.SequentialLR(optimizer, [up, down], [warmup])


class reduce_lr_on_plateau(torch.optim.lr_scheduler.ReduceLROnPlateau):  # noqa: N801  # made like the functions above
    """Times ``factor`` where a value has not become better for more than ``patience`` times.

    It is stepped with the value: ``scheduler.step(loss)``.
    """
