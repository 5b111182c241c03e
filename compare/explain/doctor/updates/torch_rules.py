"""The rules of a torch optimizer, read from its class and its parameter groups."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from compare.explain.doctor.updates.rules import DECOUPLED, GRADIENT, OWN, Rule, Rules, Stated
from compare.pair.stepped import schedulers_of
from compare.sides.reference_rule import groups_of
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
    groups = {id(one): group for group in groups_of(optimizer) or () for one in group["params"]}
    made: dict[int, Rule] = {}  # by group, which all its parameters share
    for one in parameters:
        group = groups.get(id(one))
        if id(group) not in made:
            made[id(group)] = replace(_of_group(kind, optimizer, group), stated=_stated(optimizer, group))
    return tuple(made[id(groups.get(id(one)))] for one in parameters)


def _of_group(kind: type | None, optimizer: Any, group: Mapping[str, Any] | None) -> Rule:
    if kind is None:
        return Rule(OWN)
    rule = _rule(KINDS[kind], kind.__name__, group or optimizer.param_groups[0])
    return rule if group else rule.but(rates=(0.0,))


def _stated(optimizer: Any, group: Mapping[str, Any] | None) -> Stated:
    schedule = " and ".join(type(one).__name__ for one in schedulers_of(optimizer))
    return Stated(type(optimizer).__name__, (float(group["lr"]),) if group else (), schedule)


def _rule(twin: Twin, kind: str, group: Mapping[str, Any]) -> Rule:
    return Rule.of(
        twin.name,
        twin.of_torch(flat(group)),
        rates=(float(group["lr"]),),
        weight_decay=float(group["weight_decay"]),
        coupling=DECOUPLED if group.get("decoupled_weight_decay") or kind in twin.decoupled else GRADIENT,
        gradient_scale=-1.0 if group.get("maximize") else 1.0,
    )
