"""The numbers of rules that are fitted to the port's updates, and the rules that come of it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from math import isfinite
from typing import Any

import numpy as np

from compare.explain.doctor.fit import Range, by_slopes, exactly_written
from compare.explain.doctor.suspect import Suspect
from compare.explain.doctor.thresholds import DECAY, DECAY_SCALE, DIGITS, ENTRY
from compare.explain.doctor.updates.led import Retraining
from compare.explain.doctor.updates.rule_settings import TOGETHER
from compare.explain.doctor.updates.rules import AFTER, DECOUPLED, GRADIENT, Rule, Rules, each, every_one
from compare.weights.optimizer_row import FLAG, LINEAR, POSITIVE, OptimizerSetting
from compare.weights.twins import settings_of

ANY = "of any value"


@dataclass(frozen=True)
class Unknown:
    """A number to be estimated: ``put`` sets it in rules, ``starts`` is where to begin."""

    label: str
    put: Callable[[Rules, float], Rules]
    starts: tuple[float, ...] = (1.0,)
    where: Range = field(default_factory=Range)


@dataclass(frozen=True)
class OtherRules(Suspect[Rules]):
    """Rules a setting or two away; ``unknown``, ``base``: the number that was fitted, where one was, and the rules that
    it was put into."""

    unknown: Unknown | None = None
    base: Rules = ()

    def against(self, reference: Rules) -> "OtherRules":
        """The same, odd where it changes numbers of the reference's rules into such as no person writes."""
        numbers = [
            own.get(name)
            for own, other in zip(self.change, reference, strict=True)
            for name in own.settings
            if own.get(name) != other.get(name) and isinstance(own.get(name), float | tuple)
        ]
        plain = all(float(f"{number:.{DIGITS}g}") == number for value in numbers for number in np.atleast_1d(value))
        return replace(self, odd=not (plain or self.read))


def other_rules(setting: str, value: str, rules: Rules, **more: Any) -> OtherRules:
    """``rules`` whose ``setting`` has that value, in short words."""
    return OtherRules(setting, "", value, rules, **more)


def unknowns(trial: Retraining, rules: Rules) -> Iterator[Unknown]:
    """The numbers that can be estimated from the updates, likeliest first."""
    matrices = partial(on_matrices, trial.replay.ranks)
    yield Unknown("learning rate", scaled)
    for coupling in dict.fromkeys([AFTER, rules[0].coupling, GRADIENT, DECOUPLED]):
        where = Range(POSITIVE) if coupling == AFTER else Range(LINEAR, DECAY_SCALE)
        for which, put in (("", decaying), (", on matrices only", matrices))[: 1 if coupling == AFTER else 2]:
            yield Unknown(
                f"weight_decay {coupling}{which}", partial(_also, put, {"coupling": coupling}), (DECAY,), where
            )
    for setting in settings_of(rules[0].family):
        if setting.kind != FLAG:
            label, where, put = (
                setting.name if setting.label in TOGETHER else setting.label,
                Range(setting.kind),
                partial(turned, setting),
            )
            yield Unknown(label, put, setting.starts, where)
            if setting.name == "epsilon_root":
                yield Unknown(
                    "epsilon inside the root alone", partial(_also, put, {"epsilon": 0.0}), setting.starts, where
                )
    norms = [norm for norm in trial.replay.norms if norm > 0]
    if norms:
        clip = partial(_named, "clip_norm", {"clip_epsilon": 0.0})
        yield Unknown("clipping by global norm", clip, (min(norms) / 2,), Range(POSITIVE))
        yield Unknown("clipping by value", partial(_named, "clip_value", {}), (min(norms) / ENTRY,), Range(POSITIVE))


def by_step(trial: Retraining) -> list[Unknown]:
    """A factor of the learning rate in each step."""
    steps = range(1, trial.replay.steps + 1)

    def put(at: int, rules: Rules, factor: float) -> Rules:
        factors = [factor if step == at else 1.0 for step in steps]

        def other(rule: Rule) -> Rule:
            rates = tuple(exactly_written(f * rule.rate(step)) for f, step in zip(factors, steps, strict=True))
            return replace(rule, rates=rates)

        return each(other, rules)

    return [Unknown("learning rate", partial(put, step)) for step in steps]


def _named(name: str, also: dict[str, float], rules: Rules, value: float) -> Rules:
    return every_one(rules, **{name: value}, **also)


def _also(put: Callable[[Rules, float], Rules], more: dict[str, float | str], rules: Rules, value: float) -> Rules:
    return put(every_one(rules, **more), value)


def scaled(rules: Rules, factor: float) -> Rules:
    """``rules`` with every learning rate multiplied, as somebody may have written it down."""
    return each(lambda rule: replace(rule, rates=tuple(exactly_written(factor * rate) for rate in rule.rates)), rules)


def decaying(rules: Rules, decay: float) -> Rules:
    """``rules`` with another decay where there is one; of every parameter, where there is none."""
    any_now = any(rule.weight_decay for rule in rules)
    return each(lambda rule: rule.but(weight_decay=decay if rule.weight_decay or not any_now else 0.0), rules)


def on_matrices(ranks: Sequence[int], rules: Rules, decay: float) -> Rules:
    """``rules`` that decay parameters of two axes and more."""
    return tuple(rule.but(weight_decay=decay if rank > 1 else 0.0) for rule, rank in zip(rules, ranks, strict=True))


def turned(setting: OptimizerSetting, rules: Rules, value: float) -> Rules:
    """``rules`` with another value of a setting; one on which it depends gets its usual value where it has none."""
    changed = every_one(rules, **{setting.name: value})
    if not setting.of or rules[0].get(setting.of):
        return changed
    needed = next(row for row in settings_of(rules[0].family) if row.name == setting.of)
    return turned(needed, changed, needed.starts[0])


def estimates(trial: Retraining, rules: Rules, *unknown: Unknown, label: str = "") -> Iterator[OtherRules]:
    """The rules whose numbers fit the port's updates best, as somebody has written them down and as they come."""

    def with_values(values: Sequence[float]) -> Rules:
        changed = rules
        for own, value in zip(unknown, values, strict=True):
            changed = own.put(changed, value)
        return changed

    def residual(values: Sequence[float]) -> np.ndarray:
        return trial.replay.residual(trial.updates_by(with_values(values)))

    several = slice(None) if len(unknown) == 1 else slice(1)
    for starts in zip(*(own.starts[several] for own in unknown), strict=True):
        with suppress(OverflowError, np.linalg.LinAlgError):  # far from any number that a person writes
            values, _ = by_slopes(residual, starts, [own.where for own in unknown])
            for numbers in dict.fromkeys([tuple(map(exactly_written, values)), tuple(values)]):
                if all(map(isfinite, numbers)):
                    yield other_rules(
                        label or unknown[0].label, ANY, with_values(numbers), unknown=unknown[0], base=rules
                    )
