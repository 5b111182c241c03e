"""Adam and its relatives, every hyper-parameter spelt out: the two frameworks' defaults differ."""

from typing import Any

import torch


def adam(
    parameters: Any,
    learning_rate: float = 1e-3,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    amsgrad: bool = False,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
) -> torch.optim.Optimizer:
    """Adam. A weight decay is added to the gradient (L2).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html
    """
    return torch.optim.Adam(
        parameters,
        lr=learning_rate,
        betas=(b1, b2),
        eps=eps,
        weight_decay=weight_decay,
        amsgrad=amsgrad,
        maximize=maximize,
        decoupled_weight_decay=decoupled_weight_decay,
    )


def adamw(
    parameters: Any,
    learning_rate: float = 1e-3,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    amsgrad: bool = False,
    maximize: bool = False,
) -> torch.optim.Optimizer:
    """Adam with decoupled weight decay, by 1e-2 where nothing is said.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html
    """
    return torch.optim.AdamW(
        parameters,
        lr=learning_rate,
        betas=(b1, b2),
        eps=eps,
        weight_decay=weight_decay,
        amsgrad=amsgrad,
        maximize=maximize,
    )


def adamax(
    parameters: Any,
    learning_rate: float = 2e-3,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> torch.optim.Optimizer:
    """Adam by the largest gradient. A weight decay is added to the gradient (L2).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.Adamax.html
    """
    return torch.optim.Adamax(
        parameters, lr=learning_rate, betas=(b1, b2), eps=eps, weight_decay=weight_decay, maximize=maximize
    )


def nadam(
    parameters: Any,
    learning_rate: float = 2e-3,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum_decay: float = 4e-3,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
) -> torch.optim.Optimizer:
    """Adam with Nesterov momentum, which is warmed up from half of ``b1``.

    The product of all momenta is kept in torch's default dtype, whatever the parameters'.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.NAdam.html
    """
    return torch.optim.NAdam(
        parameters,
        lr=learning_rate,
        betas=(b1, b2),
        eps=eps,
        weight_decay=weight_decay,
        momentum_decay=momentum_decay,
        decoupled_weight_decay=decoupled_weight_decay,
        maximize=maximize,
    )


def radam(
    parameters: Any,
    learning_rate: float = 1e-3,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
) -> torch.optim.Optimizer:
    """Adam that waits until its second moment can be trusted. Epsilon is added to the root of the uncorrected moment.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.RAdam.html
    """
    return torch.optim.RAdam(
        parameters,
        lr=learning_rate,
        betas=(b1, b2),
        eps=eps,
        weight_decay=weight_decay,
        decoupled_weight_decay=decoupled_weight_decay,
        maximize=maximize,
    )
