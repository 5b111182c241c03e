"""The rules of a torch optimizer, read from its class and its parameter groups."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch

from compare.explain.doctor.updates.rules import (
    ADAGRAD,
    ADAM,
    DECOUPLED,
    GRADIENT,
    OFF,
    OWN,
    RAW,
    RMSPROP,
    SGD,
    Rule,
    Rules,
)

Group = dict[str, Any]


def rules_of_torch(optimizer: Any, parameters: Sequence[torch.Tensor]) -> Rules:
    """One rule for each parameter; of the family ``OWN`` where the class is none that has a rule.

    A parameter in no group is not trained: its learning rate is 0.
    """
    read = READ.get(type(optimizer))
    if read is None:
        return tuple(Rule(OWN) for _ in parameters)
    groups = {id(one): group for group in optimizer.param_groups for one in group["params"]}
    still = replace(read(optimizer.param_groups[0]), rates=(0.0,))
    return tuple(read(groups[id(one)]) if id(one) in groups else still for one in parameters)


def rates_of_torch(optimizer: Any, parameters: Sequence[torch.Tensor]) -> list[float]:
    """Each parameter's learning rate as it stands now; 1 where the optimizer shows none."""
    groups = getattr(optimizer, "param_groups", [])
    rates = {id(one): float(group.get("lr", 1.0)) for group in groups for one in group["params"]}
    return [rates.get(id(one), 0.0 if rates else 1.0) for one in parameters]


def _common(family: str, group: Group, **settings: Any) -> Rule:
    made: dict[str, Any] = {
        "rates": (float(group["lr"]),),
        "weight_decay": float(group["weight_decay"]),
        "gradient_scale": -1.0 if group.get("maximize") else 1.0,
    }
    return Rule(family, **made | settings)


def _sgd(group: Group) -> Rule:
    momentum, dampening = float(group["momentum"]), float(group["dampening"])
    return _common(SGD, group, momentum=momentum, dampening=dampening, nesterov=bool(group["nesterov"]))


def _adam(group: Group) -> Rule:
    beta1, beta2 = (float(one) for one in group["betas"])
    return _common(
        ADAM,
        group,
        beta1=beta1,
        beta2=beta2,
        epsilon=float(group["eps"]),
        bias_correction=True,
        amsgrad=RAW if group["amsgrad"] else OFF,
        coupling=DECOUPLED if group.get("decoupled_weight_decay") else GRADIENT,
    )


def _adamw(group: Group) -> Rule:
    return _adam({**group, "decoupled_weight_decay": True})


def _rmsprop(group: Group) -> Rule:
    decay, momentum = float(group["alpha"]), float(group["momentum"])
    centered, epsilon = bool(group["centered"]), float(group["eps"])
    return _common(RMSPROP, group, decay=decay, epsilon=epsilon, centered=centered, momentum=momentum)


def _adagrad(group: Group) -> Rule:
    start, slower = float(group["initial_accumulator_value"]), float(group["lr_decay"])
    return _common(ADAGRAD, group, epsilon=float(group["eps"]), initial=start, rate_decay=slower)


READ: dict[type, Callable[[Group], Rule]] = {
    torch.optim.SGD: _sgd,
    torch.optim.Adam: _adam,
    torch.optim.AdamW: _adamw,
    torch.optim.RMSprop: _rmsprop,
    torch.optim.Adagrad: _adagrad,
}
