"""What an optimizer does to one parameter, as plain settings: torch's and optax's in the same words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from math import inf
from typing import Any

from compare.weights.twins import settings_of

GRADIENT, DECOUPLED = "inside the gradient (L2)", "decoupled from the gradient"
AFTER = "added after the learning rate, unscaled"
PLAIN = "SGD"  # the row whose way is the gradient itself, but for a momentum
OWN = "the reference's own"  # a class that no row describes: its steps are taken as they come


@dataclass(frozen=True)
class Stated:
    """What an optimizer says of itself, for words alone.

    Attributes:
        kind: torch's class; with what changes in it from step to step, other than the learning rate.
        rates: its learning rate by step.
        schedule: the class of the scheduler beside it; empty without one.
    """

    kind: str = ""
    rates: tuple[float, ...] = ()
    schedule: str = ""


@dataclass(frozen=True)
class Rule:
    """One parameter's update.

    Attributes:
        family: the name of a row of ``compare.weights.twins``, or ``OWN``.
        own: the settings of that row, by name.
        rates: the learning rate by step, the last one for all later steps; of ``OWN``, a factor of its steps.
        gradient_scale: the gradient is multiplied by it before anything else; -1 where torch maximizes.
        clip_norm, clip_epsilon: the gradient over max(1, (global norm + epsilon) / norm); clip_value: its entries.
        coupling: where the decay enters: ``GRADIENT``, ``DECOUPLED`` (times the rate), ``AFTER`` (plus decay times p).
        every, averaged: one update in so many steps, with the mean of their gradients or their sum.
        stale: gradients are never zeroed. skips_unused: a parameter without a gradient is left alone.
        stated: what the reference's optimizer says of itself.
    """

    family: str
    own: tuple[tuple[str, float], ...] = ()
    rates: tuple[float, ...] = (1.0,)
    gradient_scale: float = 1.0
    clip_norm: float = inf
    clip_epsilon: float = 0.0
    clip_value: float = inf
    weight_decay: float = 0.0
    coupling: str = GRADIENT
    every: int = 1
    averaged: bool = True
    stale: bool = False
    skips_unused: bool = True
    stated: Stated = field(default=Stated(), compare=False)

    @classmethod
    def of(cls, family: str, own: Mapping[str, float], **common: Any) -> "Rule":
        return cls(family, tuple(own.items()), **common)

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        return self.rates[min(step, len(self.rates)) - 1]

    def get(self, name: str) -> Any:
        """A setting; 0 where its family has none of that name."""
        return getattr(self, name) if name in _COMMON else self.at.get(name, 0.0)

    @cached_property
    def at(self) -> Mapping[str, float]:
        """The settings of its row by name: a search asks each of thousands of rules for some dozens."""
        return dict(self.own)

    def but(self, **settings: Any) -> "Rule":
        """The same rule with other values of some settings; those that its family does not have are left out."""
        own = tuple((name, float(settings.get(name, value))) for name, value in self.own)
        return replace(self, own=own, **{name: value for name, value in settings.items() if name in _COMMON})

    @property
    def settings(self) -> tuple[str, ...]:
        """The names of all its settings."""
        return (*COMMON, *self.at)


COMMON = tuple(one.name for one in fields(Rule) if one.name not in ("family", "own", "stated"))  # to all optimizers
_COMMON = frozenset(COMMON)
Rules = tuple[Rule, ...]  # one for each parameter


def usual(family: str, **settings: Any) -> Rule:
    """A rule with every setting of its row at its default, but for those given."""
    own = {one.name: one.default for one in settings_of(family)}
    return Rule.of(family, own).but(**settings)


def every_one(rules: Rules, **settings: Any) -> Rules:
    """``rules`` with the same values for every parameter."""
    return each(lambda rule: rule.but(**settings), rules)


def each(change: Callable[..., Rule], *rules: Rules) -> Rules:
    """What ``change`` makes of every parameter's rule, of several sets of rules: of its rule in each. It is asked once
    for the same objects, and so gives the same object: most parameters share one rule."""
    made: dict[tuple[int, ...], Rule] = {}
    every = list[Rule]()
    for own in zip(*rules, strict=True):
        known = tuple(map(id, own))
        if known not in made:
            made[known] = change(*own)
        every.append(made[known])
    return tuple(every)
