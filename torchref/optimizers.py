"""Optimizers of the reference, every hyper-parameter spelt out: the two frameworks' defaults differ."""

from collections.abc import Iterable

import torch


def sgd(
    parameters: Iterable[torch.nn.Parameter], learning_rate: float = 0.1, momentum: float = 0.9
) -> torch.optim.Optimizer:
    """Stochastic gradient descent with momentum: ``v = momentum * v + g``, then ``w = w - learning_rate * v``.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html
    """
    return torch.optim.SGD(
        parameters, lr=learning_rate, momentum=momentum, dampening=0.0, weight_decay=0.0, nesterov=False
    )
