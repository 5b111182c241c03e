"""Rules at work: an optimizer with torch's interface that does what they say."""

from collections.abc import Sequence
from math import inf
from typing import Any

import torch

from compare.explain.doctor.thresholds import TINY
from compare.explain.doctor.updates.rules import AFTER, GRADIENT, Rule, Rules
from compare.weights.twins import TWINS

Tensor = torch.Tensor
State = dict[str, Any]


class RuleOptimizer:
    """Steps ``parameters`` by ``rules``, one for each; its state has torch's names.

    Sources: https://docs.pytorch.org/docs/stable/optim.html,
    https://optax.readthedocs.io/en/latest/api/transformations.html
    """

    def __init__(
        self, parameters: Sequence[Tensor], rules: Rules, own: Any = None, norms: Sequence[float] | None = None
    ) -> None:
        """``own``: the optimizer behind rules of the family ``OWN``; ``norms``: the global norm of each step's
        gradients, where the parameters are only a part of them."""
        self.given, self.rules, self.own, self.norms = list(parameters), rules, own, norms
        # As torch's own optimizers take it, a complex number is two real ones; both are of one memory.
        self.parameters = [_in_parts(parameter) for parameter in self.given]
        self.state: dict[Tensor, State] = {parameter: {} for parameter in self.parameters}
        self.param_groups: list[dict[str, Any]] = []
        self.taken = 0
        self._gathered: list[Tensor | None] = [None for _ in self.parameters]

    def zero_grad(self) -> None:
        for parameter, rule in zip(self.given, self.rules, strict=True):
            if not rule.stale:
                parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        self.taken += 1
        gradients = self._accumulated()
        if self.taken % self.rules[0].every:
            return
        clipped = self._clipped(gradients)
        if self.own is not None:
            self._own_step(clipped)
            return
        for parameter, rule, gradient in zip(self.parameters, self.rules, clipped, strict=True):
            if gradient is not None:
                parameter.add_(self._delta(parameter, rule, gradient))

    def _accumulated(self) -> list[Tensor | None]:
        made: list[Tensor | None] = []
        for at, (given, parameter, rule) in enumerate(zip(self.given, self.parameters, self.rules, strict=True)):
            gradient = None if given.grad is None else _in_parts(given.grad)
            if gradient is None and given.requires_grad and not rule.skips_unused:
                gradient = torch.zeros_like(parameter)
            if gradient is not None:
                gradient = gradient * (rule.gradient_scale / (rule.every if rule.averaged else 1))
            if rule.every > 1 and gradient is not None:
                before = self._gathered[at]
                gradient = gradient if before is None else before + gradient
                self._gathered[at] = None if self.taken % rule.every == 0 else gradient
            made.append(gradient)
        return made

    def _clipped(self, gradients: list[Tensor | None]) -> list[Tensor | None]:
        made, norm = [], self._norm(gradients)
        for rule, gradient in zip(self.rules, gradients, strict=True):
            if gradient is not None and rule.clip_norm < inf:
                gradient = gradient * min(1.0, rule.clip_norm / max(norm + rule.clip_epsilon, TINY))
            if gradient is not None and rule.clip_value < inf:
                gradient = gradient.clamp(-rule.clip_value, rule.clip_value)
            made.append(gradient)
        return made

    def _norm(self, gradients: list[Tensor | None]) -> float:
        if all(rule.clip_norm == inf for rule in self.rules):
            return 0.0
        if self.norms is not None:
            return self.norms[self.taken - 1] * abs(self.rules[0].gradient_scale)
        return float(sum(float(one.square().sum()) for one in gradients if one is not None)) ** 0.5

    def _delta(self, parameter: Tensor, rule: Rule, gradient: Tensor) -> Tensor:
        state = self.state[parameter]
        step = state["taken"] = state.get("taken", 0) + 1
        rate = rule.rate(self.taken)
        if rule.coupling == GRADIENT and rule.weight_decay:
            gradient = gradient + rule.weight_decay * parameter
        inside, outside = (rate, 1.0) if rule.get("rate_inside") else (1.0, rate)
        way = TWINS[rule.family].direction(rule.at, state, gradient, step, inside)
        return -outside * way + _decayed(rule, rate, parameter)

    def _own_step(self, gradients: list[Tensor | None]) -> None:
        before = [parameter.clone() for parameter in self.given]
        kept = [parameter.grad for parameter in self.given]
        for parameter, rule, gradient in zip(self.given, self.rules, gradients, strict=True):
            inside = rule.weight_decay if rule.coupling == GRADIENT else 0.0
            if gradient is not None and parameter.is_complex():
                gradient = torch.view_as_complex(gradient)
            parameter.grad = gradient if gradient is None or not inside else gradient + inside * parameter
        self.own.step()
        groups = getattr(self.own, "param_groups", [])
        base = float(groups[0].get("lr", 1.0)) if groups else 1.0
        for parameter, rule, old, gradient in zip(self.given, self.rules, before, kept, strict=True):
            rate, delta = rule.rate(self.taken), parameter - old
            parameter.copy_(old + rate * delta + _decayed(rule, rate * base, old))
            parameter.grad = gradient


def _in_parts(tensor: Tensor) -> Tensor:
    return torch.view_as_real(tensor.detach().resolve_conj()) if tensor.is_complex() else tensor


def _decayed(rule: Rule, rate: float, parameter: Tensor) -> Tensor | float:
    if not rule.weight_decay or rule.coupling == GRADIENT:
        return 0.0
    return parameter * (rule.weight_decay if rule.coupling == AFTER else -rate * rule.weight_decay)
