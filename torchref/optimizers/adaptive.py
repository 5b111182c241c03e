"""Optimizers that divide by the size of past gradients, every hyper-parameter spelt out."""

from typing import Any

import torch


def rmsprop(
    parameters: Any,
    learning_rate: float = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    centered: bool = False,
    maximize: bool = False,
) -> torch.optim.Optimizer:
    """RMSprop. Epsilon stands outside the root; a weight decay is added to the gradient.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html
    """
    return torch.optim.RMSprop(
        parameters,
        lr=learning_rate,
        alpha=alpha,
        eps=eps,
        weight_decay=weight_decay,
        momentum=momentum,
        centered=centered,
        maximize=maximize,
    )


def adagrad(
    parameters: Any,
    learning_rate: float = 1e-2,
    lr_decay: float = 0.0,
    weight_decay: float = 0.0,
    initial_accumulator_value: float = 0.0,
    eps: float = 1e-10,
    maximize: bool = False,
) -> torch.optim.Optimizer:
    """Adagrad. The sum of squares starts from 0, and epsilon stands outside the root.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adagrad.html
    """
    return torch.optim.Adagrad(
        parameters,
        lr=learning_rate,
        lr_decay=lr_decay,
        weight_decay=weight_decay,
        initial_accumulator_value=initial_accumulator_value,
        eps=eps,
        maximize=maximize,
    )


def adadelta(
    parameters: Any,
    learning_rate: float = 1.0,
    rho: float = 0.9,
    eps: float = 1e-6,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> torch.optim.Optimizer:
    """Adadelta. A weight decay is added to the gradient.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adadelta.html
    """
    return torch.optim.Adadelta(
        parameters, lr=learning_rate, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize
    )


def adafactor(
    parameters: Any,
    learning_rate: float = 1e-2,
    beta2_decay: float = -0.8,
    eps1: float | None = None,
    eps2: float = 1e-3,
    d: float = 1.0,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> torch.optim.Optimizer:
    """Adafactor. The rate is capped at ``1 / sqrt(step)``, and the decay is multiplied by the learning rate.

    Args:
        parameters: tensors, or groups of them with settings of their own.
        eps1: the least second moment's root; the dtype's machine epsilon where it is None.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adafactor.html
    """
    return torch.optim.Adafactor(
        parameters,
        lr=learning_rate,
        beta2_decay=beta2_decay,
        eps=(eps1, eps2),
        d=d,
        weight_decay=weight_decay,
        maximize=maximize,
    )
