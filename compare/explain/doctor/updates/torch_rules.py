"""The rules of a torch optimizer, read from its class and its parameter groups."""

from collections.abc import Sequence
from typing import Any

import torch

from compare.explain.doctor.updates.rules import DECOUPLED, GRADIENT, OWN, Rule, Rules
from compare.weights.optimizer_row import Twin, flat
from compare.weights.twins import ROWS

KINDS = {getattr(torch.optim, name): row for row in ROWS for name in row.torch}


def rules_of_torch(optimizer: Any, parameters: Sequence[torch.Tensor]) -> Rules:
    """One rule for each parameter, by the row of the optimizer's class or of one it is made from; of the family ``OWN``
    without any.

    A parameter in no group is not trained: its learning rate is 0. A class of somebody's own may step otherwise than
    the one it is made from: what is read here is to be tried.
    """
    kind = next((one for one in type(optimizer).__mro__ if one in KINDS), None)
    if kind is None:
        return tuple(Rule(OWN) for _ in parameters)
    twin = KINDS[kind]
    groups = {id(one): group for group in optimizer.param_groups for one in group["params"]}
    still = _rule(twin, kind.__name__, optimizer.param_groups[0]).but(rates=(0.0,))
    return tuple(_rule(twin, kind.__name__, groups[id(one)]) if id(one) in groups else still for one in parameters)


def _rule(twin: Twin, kind: str, group: dict[str, Any]) -> Rule:
    return Rule.of(
        twin.name,
        twin.of_torch(flat(group)),
        rates=(float(group["lr"]),),
        weight_decay=float(group["weight_decay"]),
        coupling=DECOUPLED if group.get("decoupled_weight_decay") or kind in twin.decoupled else GRADIENT,
        gradient_scale=-1.0 if group.get("maximize") else 1.0,
    )
