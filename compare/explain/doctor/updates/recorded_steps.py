"""The port's training steps on record, and what another optimizer makes of them in milliseconds, without the model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, pairwise
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
        rules = list[Rules]()
        trained = [name in self.trained for name in self.names]
        updates = _walked(factory, self._together(alone), trained, lambda *now: rules.append(rules_of_torch(*now)))
        return self._named(updates, alone), rules

    def by(self, rules: Rules) -> list[Step]:
        """The updates that rules make; parameters with one rule go through it as one."""
        groups: dict[tuple[Rule, tuple[bool, ...]], list[int]] = {}
        for at, group in enumerate(zip(rules, self._patterns, strict=True)):
            groups.setdefault(group, []).append(at)
        members = list(groups.values())
        own = tuple(rule for rule, _ in groups)
        trained = [pattern[0] for _, pattern in groups]
        updates = _walked(lambda given: RuleOptimizer(given, own, None, self.norms), self._together(members), trained)
        return self._named(updates, members)

    @cached_property
    def _patterns(self) -> list[tuple[bool, ...]]:
        """Of each parameter, whether it trains, and whether it has no gradient in each step."""
        return [
            (name in self.trained, *(gradients.get(name) is None for gradients in self.gradients))
            for name in self.names
        ]

    @cached_property
    def _sizes(self) -> list[dict[str, float]]:
        """The 2-norm of each of the port's updates; 1 of what is zero."""
        return [{name: float(np.linalg.norm(own)) or 1.0 for name, own in step.items()} for step in self.updates]

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

    def _named(self, updates: Sequence[Tensors], members: list[list[int]]) -> list[Step]:
        """Each step's updates by parameter, of the vectors of groups."""
        places = list[tuple[str, int, slice, tuple[int, ...]]]()
        for number, group in enumerate(members):
            arrays = [self.before[0][self.names[at]] for at in group]
            ends = pairwise(accumulate((array.size for array in arrays), initial=0))
            places += [
                (self.names[at], number, slice(*end), array.shape)
                for at, end, array in zip(group, ends, arrays, strict=True)
            ]
        vectors = [[tensor.numpy().ravel() for tensor in step] for step in updates]
        return [{name: step[at][place].reshape(shape) for name, at, place, shape in places} for step in vectors]

    def residual(self, updates: Sequence[Step]) -> np.ndarray:
        """How far updates are from the port's, as one vector, each quantity over its own size."""
        parts = [
            (step[name] - own).ravel() / sizes[name]
            for step, port, sizes in zip(updates, self.updates, self._sizes, strict=True)
            for name, own in port.items()
        ]
        return np.concatenate(parts) if parts else np.zeros(0)


def _walked(
    factory: Factory,
    steps: Sequence[tuple[Tensors, Gradients]],
    trained: Sequence[bool],
    seen: Callable[[Any, Tensors], None] = lambda optimizer, parameters: None,
) -> list[Tensors]:
    """An optimizer led through steps: the updates it makes. Before each it is ``seen``, with its parameters."""
    parameters: Tensors = [
        torch.nn.Parameter(parameter.clone(), needs) for parameter, needs in zip(steps[0][0], trained, strict=True)
    ]
    optimizer = factory(parameters)
    updates: list[Tensors] = []
    for before, gradients in steps:
        optimizer.zero_grad()
        with torch.no_grad():
            for parameter, value, gradient in zip(parameters, before, gradients, strict=True):
                parameter.copy_(value)
                if gradient is not None:
                    kept = parameter.grad  # of an optimizer that never zeroes
                    parameter.grad = gradient.clone() if kept is None else gradient + kept
        seen(optimizer, parameters)
        optimizer.step()
        updates.append([parameter.detach() - value for parameter, value in zip(parameters, before, strict=True)])
    return updates


def _one(arrays: Sequence[np.ndarray]) -> torch.Tensor:
    return torch.tensor(arrays[0] if len(arrays) == 1 else np.concatenate([array.ravel() for array in arrays]))


def _gradient(arrays: Sequence[np.ndarray | None]) -> torch.Tensor | None:
    there = [array for array in arrays if array is not None]
    return _one(there) if there else None
