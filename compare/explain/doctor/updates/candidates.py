"""Other rules that a port's optimizer may follow, in the order in which they are tried.

Nothing here is a list of mistakes: each setting of the reference's rules is turned or fitted, and what a library takes
by default is asked of its signatures.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np

from compare.explain.doctor.fit import exactly_written
from compare.explain.doctor.gaps import effect
from compare.explain.doctor.thresholds import ACCUMULATED, BEST
from compare.explain.doctor.trials import Search
from compare.explain.doctor.updates.led import Retraining
from compare.explain.doctor.updates.rule_settings import aligned, differing, merged, subsets
from compare.explain.doctor.updates.rules import DECOUPLED, OWN, Rules, each, every_one
from compare.explain.doctor.updates.unknowns import (
    OtherRules,
    by_step,
    estimates,
    other_rules,
    turned,
    unknowns,
)
from compare.weights.optimizer_row import FLAG, Twin, defaults
from compare.weights.twins import ROWS, settings_of

TWO = "two of these at once"
RATES = "learning rate by step or parameter"  # so many numbers that they go with no other


def sought(trial: Retraining, reference: Rules) -> Iterator[OtherRules]:
    """Every suspect of one change: settings turned, the defaults of optax's own factories, fitted numbers, rates by
    step or parameter."""
    replay = trial.replay
    yield from one_away(reference, replay.unused)
    yield from by_default(reference)
    for unknown in unknowns(trial, reference):
        yield from estimates(trial, reference, unknown)
    yield from _another_rate(trial, reference)


def distinct(suspects: Iterable[OtherRules], trial: Retraining, reference: Rules) -> Iterator[OtherRules]:
    """Those that are other rules than the reference's, each once."""
    seen: set[Rules] = set()
    for suspect in suspects:
        if suspect.change not in seen and differing(
            aligned(reference, suspect.change, trial.replay.unused), suspect.change
        ):
            seen.add(suspect.change)
            yield suspect.against(reference)


def one_away(rules: Rules, unused: bool) -> Iterator[OtherRules]:
    """Every setting that is no number turned, every number left out, and what goes on before and after the rule.

    Args:
        unused: whether some parameter has no gradient.
    """
    first, decay = rules[0], max(rule.weight_decay for rule in rules)
    if decay:
        yield other_rules("weight decay", "on every parameter", every_one(rules, weight_decay=decay))
        yield other_rules("weight decay", "off", every_one(rules, weight_decay=0.0))
    for setting in settings_of(first.family):
        value = 0.0 if first.get(setting.name) or setting.kind != FLAG else 1.0
        yield other_rules(
            setting.label, ("on" if value else "off") if setting.kind == FLAG else "0", turned(setting, rules, value)
        )
    if first.get("epsilon") or first.get("epsilon_root"):
        moved = {"epsilon": first.get("epsilon_root"), "epsilon_root": first.get("epsilon")}
        yield other_rules("epsilon", "on the other side of the root", every_one(rules, **moved))
    yield other_rules("clipping by global norm", "off", every_one(rules, clip_norm=inf))
    yield other_rules("what clipping adds to the norm", "0", every_one(rules, clip_epsilon=0.0))
    yield other_rules("clipping by value", "off", every_one(rules, clip_value=inf))
    yield other_rules("gradients never zeroed", "", every_one(rules, stale=True))
    for every in range(1, ACCUMULATED + 1):
        for averaged in (True, False) if every > 1 else (first.averaged,):
            steps = f"{every} steps, {'mean' if averaged else 'sum'}"
            yield other_rules("accumulation", steps, every_one(rules, every=every, averaged=averaged))
    if unused:
        yield other_rules("unused parameters updated", "", every_one(rules, skips_unused=False))


def by_default(rules: Rules) -> Iterator[OtherRules]:
    """The reference's optimizer with what optax's factories take by default, in as few settings as can be."""
    import optax

    for twin in [row for row in ROWS if row.name == rules[0].family]:
        for name in twin.optax:
            yield from toward(rules, _made_by(rules, twin, name, optax), f"optax.{name}'s default")


def toward(reference: Rules, rules: Rules, value: str, unused: bool = True) -> Iterator[OtherRules]:
    """The reference's rules with as few settings of ``rules`` as may be."""
    start = aligned(reference, rules, unused)
    for chosen in subsets(differing(start, rules)):
        yield other_rules(" and ".join(setting.label for setting in chosen), value, merged(start, rules, chosen))


def other_optimizers(trial: Retraining, rules: Rules) -> Iterator[OtherRules]:
    """Another optimizer with either library's defaults, at the reference's learning rate or another; as the row's first
    factory makes it, also with another number of its own."""
    import optax
    import torch

    seen = {rules}
    for twin in [row for row in ROWS if rules[0].family not in (OWN, row.name)]:
        for library, names in ((optax, twin.optax), (torch.optim, twin.torch)):
            for name in names:
                changed = _made_by(rules, twin, name, library)
                if changed not in seen:
                    seen.add(changed)
                    yield other_rules("optimizer", f"{twin.name} ({name})", changed)
                    for unknown in [*unknowns(trial, changed)][: None if name == next(iter(twin.optax)) else 1]:
                        yield from estimates(trial, changed, unknown, label="optimizer")


def _made_by(rules: Rules, twin: Twin, name: str, library: Any) -> Rules:
    """``rules`` by a library's function of that name and its defaults; themselves, where it has no such function."""
    function = getattr(library, name, None)
    if function is None:
        return rules
    given = defaults(function)
    own = twin.of_torch(given) if name in twin.torch else twin.of_optax(name, given)
    decay = {"coupling": DECOUPLED, "weight_decay": given["weight_decay"]} if name in twin.decoupled else {}
    return each(lambda rule: replace(rule, family=twin.name, own=tuple(own.items())).but(**decay), rules)


def _another_rate(trial: Retraining, rules: Rules) -> Iterator[OtherRules]:
    """A learning rate of its own for each step, outside the momentum and inside it, and for each parameter."""
    for start in dict.fromkeys([rules, every_one(rules, rate_inside=1.0)]):
        yield from estimates(trial, start, *by_step(trial), label=RATES)
    own_steps, port, changed = trial.updates_by(rules), trial.replay.updates, []
    for rule, name in zip(rules, trial.replay.names, strict=True):
        own, other = (
            np.concatenate([step.get(name, np.zeros(0)).ravel() for step in steps]) for steps in (own_steps, port)
        )
        factor = float(own @ other) / float(own @ own) if other.size and np.any(own) else 1.0
        changed.append(replace(rule, rates=tuple(exactly_written(rate * factor) for rate in rule.rates)))
    yield other_rules(RATES, "another for each parameter", tuple(changed))


def together(trial: Retraining, rules: Rules, search: Search[Rules]) -> Iterator[OtherRules]:
    """Two changes at once: those that shrink the gap by themselves, each with every other and with every number."""
    singles: list[tuple[float, OtherRules]] = []
    gap = effect(search.plain, search.port, search.names)
    for tried in search.trials:
        own, moved = tried.suspects[0], tried.effect
        if isinstance(own, OtherRules) and gap is not None and moved is not None and len(_changed(rules, own)) == 1:
            singles.append((float(np.linalg.norm(gap - moved) / np.linalg.norm(gap)), own))
    best: dict[str, OtherRules] = {}
    for left, first in sorted(singles, key=lambda item: item[0]):
        if left < 1 and first.setting != RATES:
            best.setdefault(first.setting, first)
    for first in list(best.values())[:BEST]:
        for _, second in singles:
            if second.setting != RATES and not _changed(rules, first) & _changed(rules, second):
                yield other_rules(TWO, "", _both(rules, first.change, second.change))
                if first.unknown and not second.unknown and first.base[0].family == second.change[0].family:
                    yield from estimates(trial, second.change, first.unknown, label=TWO)
        for unknown in unknowns(trial, first.change):
            if first.unknown is None:
                yield from estimates(trial, first.change, unknown, label=TWO)
            elif unknown.label not in _changed(rules, first) | {first.unknown.label}:
                yield from estimates(trial, first.base, first.unknown, unknown, label=TWO)


def _changed(rules: Rules, suspect: OtherRules) -> set[str]:
    return {setting.label for setting in differing(aligned(rules, suspect.change), suspect.change)}


def _both(rules: Rules, first: Rules, second: Rules) -> Rules:
    """The first, with what the second changes of ``rules``."""
    return each(
        lambda start, own, other: own.but(
            **{name: other.get(name) for name in other.settings if other.get(name) != start.get(name)}
        ),
        rules, first, second,
    )  # fmt: skip
