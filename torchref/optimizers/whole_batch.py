"""Optimizers for gradients without noise, and the averaged one, every hyper-parameter spelt out."""

from typing import Any

import torch


def rprop(
    parameters: Any,
    learning_rate: float = 1e-2,
    etaminus: float = 0.5,
    etaplus: float = 1.2,
    step_size_min: float = 1e-6,
    step_size_max: float = 50.0,
    maximize: bool = False,
) -> torch.optim.Optimizer:
    """Resilient propagation: a step size for each entry, by the signs of its gradients alone.

    The learning rate is the first step size and nothing else: a scheduler would act on nothing.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Rprop.html
    """
    return torch.optim.Rprop(
        parameters,
        lr=learning_rate,
        etas=(etaminus, etaplus),
        step_sizes=(step_size_min, step_size_max),
        maximize=maximize,
    )


def lbfgs(
    parameters: Any,
    learning_rate: float = 1.0,
    tolerance_grad: float = 1e-7,
    tolerance_change: float = 1e-9,
    history_size: int = 100,
) -> torch.optim.Optimizer:
    """L-BFGS of one iteration for each step, without a line search. Its ``step`` takes a closure that zeroes the
    gradients, runs the backward pass and returns the loss.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.LBFGS.html
    """
    return torch.optim.LBFGS(
        parameters,
        lr=learning_rate,
        max_iter=1,
        tolerance_grad=tolerance_grad,
        tolerance_change=tolerance_change,
        history_size=history_size,
    )


def asgd(
    parameters: Any,
    learning_rate: float = 1e-2,
    lambd: float = 1e-4,
    alpha: float = 0.75,
    t0: float = 1e6,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> torch.optim.Optimizer:
    """SGD with a falling rate, and the average of its parameters from step ``t0`` on, which is kept apart from them (in
    the state's ``ax``). The rate is kept in torch's default dtype, whatever the parameters'.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.ASGD.html
    """
    return torch.optim.ASGD(
        parameters, lr=learning_rate, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay, maximize=maximize
    )
