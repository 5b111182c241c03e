"""Other rules that a port's optimizer may follow: the usual mistakes, each one setting away from the reference's."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from compare.explain.doctor.updates.rules import (
    ADAGRAD,
    ADAM,
    CORRECTED,
    DECOUPLED,
    GRADIENT,
    OFF,
    OWN,
    PLAIN,
    RAW,
    RMSPROP,
    SGD,
    UNBIASED,
    Rule,
    Rules,
)

DECAYS = (0.0, 1e-4, 1e-3, 1e-2, 5e-4, 0.05, 0.1)
MOMENTA = (0.0, 0.9, 0.99, 0.95, 0.5)
EPSILONS = (1e-8, 1e-6, 1e-5, 1e-7, 1e-10, 1e-3, 1e-4, 1e-12)
NORMS = (1.0, 0.5, 0.1, 5.0, 10.0)


@dataclass(frozen=True)
class Suspect:
    """Rules one setting away; ``label`` and ``value`` say which, in short words."""

    label: str
    value: str
    rules: Rules


def every_one(rules: Rules, **values: Any) -> Rules:
    """``rules`` with the same values for every parameter."""
    return tuple(replace(rule, **values) for rule in rules)


def usual(rules: Rules, ranks: Sequence[int], unused: bool) -> Iterator[Suspect]:
    """The usual mistakes, likeliest first. ``unused``: some parameter has no gradient."""
    family = rules[0].family
    yield from _decayed(rules, ranks)
    for label, values in OF_FAMILY.get(family, lambda rule: ())(rules[0]):
        for value, changed in values:
            yield Suspect(label, value, every_one(rules, **changed))
    for factor, said in ((-1.0, "opposite sign"), (2.0, "2 times"), (0.5, "0.5 times"), (10.0, "10 times")):
        yield Suspect("learning rate", said, scaled(rules, factor))
    for norm in (inf, *NORMS):
        yield Suspect("clipping by global norm", f"{norm:g}", every_one(rules, clip_norm=norm, clip_epsilon=0.0))
    yield Suspect("what clipping adds to the norm", "0", every_one(rules, clip_epsilon=0.0))
    for value in (inf, 1.0, 0.5):
        yield Suspect("clipping by value", f"{value:g}", every_one(rules, clip_value=value))
    yield Suspect("gradients never zeroed", "", every_one(rules, stale=True))
    for every in (2, 3, 4):
        for averaged in (True, False):
            said = f"{every} steps, {'mean' if averaged else 'sum'}"
            yield Suspect("accumulation", said, every_one(rules, every=every, averaged=averaged))
    if unused:
        yield Suspect("unused parameters updated", "", every_one(rules, skips_unused=False))


def _decayed(rules: Rules, ranks: Sequence[int]) -> Iterator[Suspect]:
    held = [rule.weight_decay for rule in rules]
    most = max(held)
    couplings = tuple(dict.fromkeys([rules[0].coupling, GRADIENT, DECOUPLED]))
    if most:
        yield Suspect("weight decay", "on every parameter", every_one(rules, weight_decay=most))
        yield Suspect("weight decay", "on matrices only", on_matrices(rules, ranks, most))
        for coupling in couplings[1:]:
            yield Suspect("weight decay", coupling, every_one(rules, coupling=coupling))
    for coupling in couplings if not most else couplings[:1]:
        at = every_one(rules, coupling=coupling)
        for decay in DECAYS:
            yield Suspect(f"weight_decay {coupling}", f"{decay:g}", decaying(at, decay))
            if decay:
                yield Suspect(f"weight_decay {coupling}, on matrices only", f"{decay:g}", on_matrices(at, ranks, decay))


def decaying(rules: Rules, decay: float) -> Rules:
    """``rules`` with another decay where there is one; of every parameter, where there is none."""
    any_now = any(rule.weight_decay for rule in rules)
    return tuple(replace(rule, weight_decay=decay if rule.weight_decay or not any_now else 0.0) for rule in rules)


def on_matrices(rules: Rules, ranks: Sequence[int], decay: float) -> Rules:
    """``rules`` that decay parameters of two axes and more."""
    return tuple(replace(one, weight_decay=decay if rank > 1 else 0.0) for one, rank in zip(rules, ranks, strict=True))


def scaled(rules: Rules, factor: float) -> Rules:
    """``rules`` with every learning rate multiplied."""
    return tuple(replace(rule, rates=tuple(factor * rate for rate in rule.rates)) for rule in rules)


Values = list[tuple[str, dict[str, Any]]]


def _each(name: str, values: Sequence[Any]) -> Values:
    said = [
        f"{value:g}" if isinstance(value, float) else {True: "on", False: "off"}.get(value, value) for value in values
    ]
    return [(text, {name: value}) for text, value in zip(said, values, strict=True)]


def _epsilons(rule: Rule) -> Values:
    held = rule.epsilon or rule.epsilon_root
    inside = [(f"{one:g} inside the root", {"epsilon": 0.0, "epsilon_root": one}) for one in (held, 1e-8, 1e-7, 1e-6)]
    outside: Values = [(f"{one:g}", {"epsilon": one, "epsilon_root": 0.0}) for one in EPSILONS]
    return [*inside[:1], *outside, *inside[1:]]


def _of_sgd(rule: Rule) -> list[tuple[str, Values]]:
    m = rule.momentum or 0.9
    averages: Values = [
        ("bias corrected", {"momentum": m, "dampening": m, "average": UNBIASED}),
        ("plain", {"momentum": m, "dampening": m, "average": PLAIN}),
    ]
    return [
        ("momentum", _each("momentum", MOMENTA)),
        ("Nesterov momentum", [("on", {"momentum": m, "nesterov": True}), ("off", {"nesterov": False})]),
        ("dampening", _each("dampening", (0.0, m, 0.1))),
        ("momentum as an average", averages),
        ("momentum of steps", [("", {"rate_inside": True})]),
    ]


def _of_adam(rule: Rule) -> list[tuple[str, Values]]:
    held = rule.epsilon or rule.epsilon_root
    return [
        ("beta2", _each("beta2", (0.999, 0.99, 0.95, 0.98, 0.9))),
        ("beta1", _each("beta1", (0.9, 0.95, 0.8, 0.5, 0.99))),
        ("epsilon", [*_epsilons(rule), (f"{held:g} on the uncorrected moment", {"epsilon_hat": True})]),
        ("bias correction", [("off", {"bias_correction": False}), ("on", {"bias_correction": True})]),
        ("amsgrad", _each("amsgrad", (OFF, RAW, CORRECTED))),
        ("Nesterov momentum", _each("nesterov", (True, False))),
    ]


def _of_rmsprop(rule: Rule) -> list[tuple[str, Values]]:
    return [
        ("decay", _each("decay", (0.9, 0.99, 0.95, 0.999))),
        ("epsilon", _epsilons(rule)),
        ("centered", _each("centered", (True, False))),
        ("momentum", _each("momentum", MOMENTA)),
        ("initial accumulator", _each("initial", (0.0, 1.0))),
        ("bias correction", _each("bias_correction", (True, False))),
        ("Nesterov momentum", _each("nesterov", (True, False))),
        ("momentum of steps", [("", {"rate_inside": True})]),
    ]


def _of_adagrad(rule: Rule) -> list[tuple[str, Values]]:
    return [
        ("initial accumulator", _each("initial", (0.1, 0.0, 1.0))),
        ("epsilon", _epsilons(rule)),
        ("lr_decay", _each("rate_decay", (0.0,))),
    ]


OF_FAMILY: dict[str, Callable[[Rule], Sequence[tuple[str, Values]]]] = {
    SGD: _of_sgd,
    ADAM: _of_adam,
    RMSPROP: _of_rmsprop,
    ADAGRAD: _of_adagrad,
}


def other_families(rules: Rules) -> Iterator[Suspect]:
    """Another optimizer at the reference's learning rate, with its library's own defaults."""
    others = (
        Rule(SGD),
        Rule(SGD, momentum=0.9),
        Rule(ADAM, bias_correction=True),
        Rule(RMSPROP, decay=0.9, epsilon=0.0, epsilon_root=1e-8),
        Rule(RMSPROP),
        Rule(ADAGRAD, epsilon=0.0, epsilon_root=1e-7, initial=0.1),
    )
    for other in others if rules[0].family != OWN else ():
        if other.family != rules[0].family:
            kept = ("rates", "weight_decay", "coupling")
            made = tuple(replace(other, **{name: getattr(rule, name) for name in kept}) for rule in rules)
            yield Suspect("optimizer", other.family + (f" momentum {other.momentum:g}" if other.momentum else ""), made)
