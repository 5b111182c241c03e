"""Stochastic gradient descent, every hyper-parameter spelt out: the two frameworks' defaults differ."""

from typing import Any

import torch


def sgd(
    parameters: Any,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
) -> torch.optim.Optimizer:
    """Stochastic gradient descent with momentum: ``v = momentum * v + g``, then ``w = w - learning_rate * v``.

    ``torch.optim.SGD`` by itself has a learning rate of 1e-3 and no momentum.

    Args:
        parameters: tensors, or groups of them with settings of their own, as all of torch's optimizers take them.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html
    """
    return torch.optim.SGD(
        parameters,
        lr=learning_rate,
        momentum=momentum,
        dampening=dampening,
        weight_decay=weight_decay,
        nesterov=nesterov,
        maximize=maximize,
    )
