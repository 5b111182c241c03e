"""Which rules the port's optimizer may follow, in the order in which they are tried."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import combinations
from math import isfinite

import numpy as np

from compare.explain.doctor.updates.fits import POSITIVE, Range, fitted, short
from compare.explain.doctor.updates.led import Trial
from compare.explain.doctor.updates.recorded_steps import Step
from compare.explain.doctor.updates.rule_numbers import Unknown, unknowns
from compare.explain.doctor.updates.rule_settings import Setting, aligned, differing
from compare.explain.doctor.updates.rules import OWN, Rule, Rules
from compare.explain.doctor.updates.usual_mistakes import Suspect, every_one, other_families, usual

TOGETHER = 6  # single changes that shrink the gap most are tried two by two
AT_ONCE = 3
CLIP_EPSILON = 1e-6  # torch.nn.utils.clip_grad_norm_
SAME = 1e-9
ANY = "or any other value"


def subsets(given: Sequence[Setting]) -> Iterator[tuple[Setting, ...]]:
    """The non-empty subsets of up to three settings, in the order given, then all together."""
    for size in range(1, min(AT_ONCE, len(given)) + 1):
        yield from combinations(given, size)
    if len(given) > AT_ONCE:
        yield tuple(given)


def own_rules(trial: Trial) -> Rules:
    """The reference's rules; of the family ``OWN`` where what was read does not do what its optimizer does."""
    rules = trial.reference_rules()
    made, _ = trial.replay.of(trial.own)
    if _apart(trial.made(rules), made) <= SAME:
        return rules
    smallest = min(trial.replay.norms, default=0.0)
    if smallest > 0 and rules[0].family != OWN:
        clip = lambda norm: every_one(rules, clip_norm=norm, clip_epsilon=CLIP_EPSILON)  # noqa: E731
        norm = fitted(lambda norm: _residual(trial.made(clip(norm)), made), smallest / 2, Range(POSITIVE))
        if _apart(trial.made(clip(short(norm))), made) <= SAME:
            return clip(short(norm))
    return tuple(Rule(OWN, skips_unused=rule.skips_unused) for rule in rules)


def sought(trial: Trial, reference: Rules) -> Iterator[Suspect]:
    """Every suspect: the usual mistakes, estimated numbers, rates by step or parameter, other optimizers, and two
    changes at once."""
    replay = trial.replay
    smallest = min((norm for norm in replay.norms if norm > 0), default=0.0)
    singles: list[Suspect] = []
    for suspect in usual(reference, replay.ranks, replay.unused):
        if differing(aligned(reference, suspect.rules), suspect.rules):
            singles.append(suspect)
            yield suspect
    numbers = list(unknowns(reference, replay.ranks, smallest))
    for one in numbers:
        yield from _estimates(trial, reference, one)
    yield from _rates(trial, reference)
    yield from other_families(reference)
    yield from _together(trial, reference, singles, numbers)


def _estimates(trial: Trial, rules: Rules, one: Unknown, label: str = "") -> Iterator[Suspect]:
    def residual(value: float) -> np.ndarray:
        return trial.replay.residual(trial.made(one.put(rules, value)))

    for start in one.starts:
        with suppress(OverflowError):  # far from any number that a person writes
            value = fitted(residual, start, one.where)
            for number in dict.fromkeys([short(value), value]) if isfinite(value) else ():
                yield Suspect(label or one.label, ANY, _written(one.put(rules, number)))


def _written(rules: Rules) -> Rules:
    """The rules with estimated learning rates as somebody has written them down."""
    return tuple(replace(rule, rates=tuple(short(rate) for rate in rule.rates)) for rule in rules)


def _rates(trial: Trial, rules: Rules) -> Iterator[Suspect]:
    """A learning rate of its own for each step, and for each parameter."""
    made, port = trial.made(rules), trial.replay.updates
    by_step = [_factor(own, other) for own, other in zip(made, port, strict=True)]
    steps = range(1, len(by_step) + 1)
    yield Suspect(
        "learning rate",
        "another in each step",
        tuple(
            replace(rule, rates=tuple(short(rule.rate(step) * by_step[step - 1]) for step in steps)) for rule in rules
        ),
    )
    changed = []
    for rule, name in zip(rules, trial.replay.names, strict=True):
        there = [(step[name], other[name]) for step, other in zip(made, port, strict=True) if name in other]
        factor = _factor(
            {str(at): one for at, (one, _) in enumerate(there)}, {str(at): o for at, (_, o) in enumerate(there)}
        )
        changed.append(replace(rule, rates=tuple(short(rate * factor) for rate in rule.rates)))
    yield Suspect("learning rate", "another for each parameter", tuple(changed))


def _factor(made: Step, port: Step) -> float:
    """The port's updates over the reference's, by least squares; 1 where the reference's are zero."""
    size = sum(float(np.vdot(made[name], made[name])) for name in port)
    return sum(float(np.vdot(made[name], port[name])) for name in port) / size if size else 1.0


def _together(trial: Trial, rules: Rules, singles: list[Suspect], numbers: list[Unknown]) -> Iterator[Suspect]:
    """Two changes at once: those that shrink the gap by themselves, each with every other."""
    start = trial.gap(rules).total
    gaps = sorted(((trial.gap(one.rules).total, at) for at, one in enumerate(singles)), key=lambda pair: pair[0])
    best = [singles[at] for gap, at in gaps if gap < start][:TOGETHER]
    for first in best:
        own = differing(aligned(rules, first.rules), first.rules)
        for second in singles:
            other = differing(aligned(rules, second.rules), second.rules)
            if not {one.label for one in own} & {one.label for one in other}:
                yield Suspect("two of these at once", "", _both(rules, first.rules, second.rules))
        for unknown in numbers:
            yield from _estimates(trial, first.rules, unknown, "two of these at once")


def _both(rules: Rules, first: Rules, second: Rules) -> Rules:
    """The first, with what the second changes of ``rules``."""
    made = []
    for start, one, two in zip(rules, first, second, strict=True):
        changed = {name: value for name, value in vars(two).items() if value != getattr(start, name)}
        made.append(replace(one, **changed))
    return tuple(made)


def _residual(made: list[Step], other: list[Step]) -> np.ndarray:
    parts = [(one[n] - two[n]).ravel() for one, two in zip(made, other, strict=True) for n in one]
    return np.concatenate(parts)


def _apart(made: list[Step], other: list[Step]) -> float:
    size = float(np.sqrt(sum(float(np.vdot(array, array)) for step in other for array in step.values())))
    return float(np.linalg.norm(_residual(made, other))) / size if size else 0.0
