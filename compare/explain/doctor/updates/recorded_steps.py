"""The port's training steps on record, and what another optimizer makes of them in milliseconds, without the model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch

from compare.explain.doctor.updates.optimizer import RuleOptimizer
from compare.explain.doctor.updates.rules import Rule, Rules
from compare.explain.doctor.updates.torch_rules import rules_of_torch

Factory = Callable[[list[torch.Tensor]], Any]
Step = dict[str, np.ndarray]
Tensors = list[torch.Tensor]
Gradients = Sequence[torch.Tensor | None]
V = TypeVar("V")


def update_name(step: int, name: str) -> str:
    """The quantity that is a parameter's update in a step, counted from 1."""
    return f"update/{name}" if step == 1 else f"step{step}/update/{name}"


def by_quantity(steps: Sequence[Mapping[str, V]]) -> dict[str, V]:
    """What there is of every parameter in every step, by the quantity that is its update."""
    return {update_name(step, name): own[name] for step, own in enumerate(steps, start=1) for name in own}


@dataclass(frozen=True)
class Replay:
    """Every step of the port, by parameter: rows of what entered, the gradient (None: unused), and the update made.

    Attributes:
        names: the parameters in the reference's order; trained: those that have a gradient at all.
        norms: the global norm of each step's gradients.
        allowed: by step and name, the gap that is still a match.
        ranks: how many axes each parameter has.
    """

    names: tuple[str, ...]
    trained: frozenset[str]
    before: tuple[Step, ...]
    gradients: tuple[dict[str, np.ndarray | None], ...]
    updates: tuple[Step, ...]
    norms: tuple[float, ...]
    allowed: tuple[dict[str, float], ...]
    ranks: tuple[int, ...]
    _joined: dict[Any, list[tuple[Tensors, Gradients]]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def steps(self) -> int:
        return len(self.updates)

    @property
    def unused(self) -> bool:
        """Whether a parameter that trains has no gradient in some step."""
        return any(gradients.get(name) is None for gradients in self.gradients for name in self.trained)

    def of(self, factory: Factory) -> tuple[list[Step], list[Rules]]:
        """The updates that an optimizer makes, and its rules as they stand before each step."""
        alone = [[at] for at in range(len(self.names))]
        updates, rules = _walked(factory, self._together(alone), [name in self.trained for name in self.names])
        return [self._named(step, alone) for step in updates], rules

    def by(self, rules: Rules) -> list[Step]:
        """The updates that rules make; parameters with one rule go through it as one."""
        groups: dict[tuple[Rule, tuple[bool, ...]], list[int]] = {}
        for at, (rule, name) in enumerate(zip(rules, self.names, strict=True)):
            missing = tuple(gradients.get(name) is None for gradients in self.gradients)
            groups.setdefault((rule, (name in self.trained, *missing)), []).append(at)
        members = list(groups.values())
        own = tuple(rule for rule, _ in groups)
        trained = [pattern[0] for _, pattern in groups]
        updates, _ = _walked(
            lambda given: RuleOptimizer(given, own, None, self.norms), self._together(members), trained
        )
        return [self._named(step, members) for step in updates]

    def _together(self, members: list[list[int]]) -> list[tuple[Tensors, Gradients]]:
        """What enters every step, the parameters of each group as one vector; of a group of one, as it is."""
        key = tuple(map(tuple, members))
        if key not in self._joined:
            self._joined[key] = [
                (
                    [_one([before[self.names[at]] for at in group]) for group in members],
                    [_gradient([gradients.get(self.names[at]) for at in group]) for group in members],
                )
                for before, gradients in zip(self.before, self.gradients, strict=True)
            ]
        return self._joined[key]

    def _named(self, updates: Tensors, members: list[list[int]]) -> Step:
        named: Step = {}
        for group, tensor in zip(members, updates, strict=True):
            arrays = [self.before[0][self.names[at]] for at in group]
            parts = np.split(tensor.numpy().ravel(), np.cumsum([array.size for array in arrays])[:-1])
            named |= {
                self.names[at]: part.reshape(array.shape) for at, part, array in zip(group, parts, arrays, strict=True)
            }
        return named

    def residual(self, updates: Sequence[Step]) -> np.ndarray:
        """How far updates are from the port's, as one vector, each quantity over its own size."""
        pairs = [
            (step[name], own) for step, port in zip(updates, self.updates, strict=True) for name, own in port.items()
        ]
        parts = [(update - own).ravel() / (float(np.linalg.norm(own)) or 1.0) for update, own in pairs]
        return np.concatenate(parts) if parts else np.zeros(0)


def _walked(
    factory: Factory, steps: Sequence[tuple[Tensors, Gradients]], trained: Sequence[bool]
) -> tuple[list[Tensors], list[Rules]]:
    """An optimizer led through steps: the updates it makes, and its rules before each."""
    parameters: Tensors = [
        torch.nn.Parameter(parameter.clone(), needs) for parameter, needs in zip(steps[0][0], trained, strict=True)
    ]
    optimizer = factory(parameters)
    updates: list[Tensors] = []
    rules: list[Rules] = []
    for before, gradients in steps:
        optimizer.zero_grad()
        with torch.no_grad():
            for parameter, value, gradient in zip(parameters, before, gradients, strict=True):
                parameter.copy_(value)
                if gradient is not None:
                    kept = parameter.grad  # of an optimizer that never zeroes
                    parameter.grad = gradient.clone() if kept is None else gradient + kept
        rules.append(rules_of_torch(optimizer, parameters))
        optimizer.step()
        updates.append([parameter.detach() - value for parameter, value in zip(parameters, before, strict=True)])
    return updates, rules


def _one(arrays: Sequence[np.ndarray]) -> torch.Tensor:
    return torch.tensor(arrays[0] if len(arrays) == 1 else np.concatenate([array.ravel() for array in arrays]))


def _gradient(arrays: Sequence[np.ndarray | None]) -> torch.Tensor | None:
    there = [array for array in arrays if array is not None]
    return _one(there) if there else None
