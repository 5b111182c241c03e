"""The settings of rules as a porter knows them: which differ, and one side's put into the other's rules."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from math import inf

from compare.explain.doctor.updates.fits import number
from compare.explain.doctor.updates.rules import ADAGRAD, ADAM, AFTER, OFF, OWN, RMSPROP, SGD, Rule, Rules


@dataclass(frozen=True)
class Setting:
    """What a porter would call one setting: its name in a sentence, the fields behind it, its value in words."""

    label: str
    fields: tuple[str, ...]
    said: Callable[[Rule], str]
    families: tuple[str, ...] = (SGD, ADAM, RMSPROP, ADAGRAD, OWN)

    def differs(self, left: Rules, right: Rules) -> bool:
        return any(
            getattr(a, name) != getattr(b, name)
            for a, b in zip(left, right, strict=True)
            if a.family in self.families or b.family in self.families
            for name in self.fields
        )

    def of(self, rules: Rules, names: Sequence[str], ranks: Sequence[int]) -> str:
        """The value over all parameters: one, or one for matrices and one for vectors, or one for each group."""
        groups: dict[str, list[int]] = {}
        for at, rule in enumerate(rules):
            groups.setdefault(self.said(rule), []).append(at)
        if len(groups) == 1:
            return next(iter(groups))
        if len(groups) == 2 and all(len({ranks[at] > 1 for at in members}) == 1 for members in groups.values()):
            kinds = {"matrices" if ranks[members[0]] > 1 else "vectors": value for value, members in groups.items()}
            return ", ".join(f"{value} for {kind}" for kind, value in sorted(kinds.items()))
        largest = max(groups.values(), key=len)
        return ", ".join(f"{value} for {_listed(ats, names, largest)}" for value, ats in groups.items())


def _listed(members: list[int], names: Sequence[str], largest: list[int]) -> str:
    if members is largest:
        return "the others"
    more = f" and {len(members) - 3} more" if len(members) > 3 else ""
    return ", ".join(names[at] for at in members[:3]) + more


def _rates(rule: Rule) -> str:
    said = [number(rate) for rate in rule.rates]
    if len(set(said)) == 1:
        return said[0]
    return f"{', '.join(said)} in steps {', '.join(str(step) for step in range(1, len(said) + 1))}"


def _momentum(rule: Rule) -> str:
    said = number(rule.momentum)
    if rule.family == SGD and rule.average != OFF:
        return f"{said} as {rule.average}"
    return f"{said} with dampening {number(rule.dampening)}" if rule.family == SGD and rule.dampening else said


def _epsilon(rule: Rule) -> str:
    outside = number(rule.epsilon) + (" on the uncorrected moment" if rule.epsilon_hat and rule.epsilon else "")
    inside = f"{number(rule.epsilon_root)} inside the root"
    if rule.epsilon_root and rule.epsilon:
        return f"{outside} and {inside}"
    return inside if rule.epsilon_root else outside


def _plain(label: str, name: str, *families: str) -> Setting:
    def said(rule: Rule) -> str:
        value = getattr(rule, name)
        if isinstance(value, bool):
            return "on" if value else "off"
        return value if isinstance(value, str) else number(value)

    return Setting(label, (name,), said, *((families,) if families else ()))


def _either(label: str, name: str, true: str, false: str, *families: str) -> Setting:
    kinds = (families,) if families else ()
    return Setting(label, (name,), lambda rule: true if getattr(rule, name) else false, *kinds)


# From the most usual difference to the least.
SETTINGS = (
    _plain("optimizer", "family"),
    Setting("learning rate", ("rates",), _rates),
    _plain("weight_decay", "weight_decay"),
    _plain("weight decay", "coupling"),
    Setting("momentum", ("momentum", "dampening", "average"), _momentum, (SGD, RMSPROP)),
    _plain("beta1", "beta1", ADAM),
    _plain("beta2", "beta2", ADAM),
    _plain("decay (torch's alpha)", "decay", RMSPROP),
    Setting("epsilon", ("epsilon", "epsilon_root", "epsilon_hat"), _epsilon, (ADAM, RMSPROP, ADAGRAD)),
    _plain("Nesterov momentum", "nesterov", SGD, ADAM, RMSPROP),
    _either("what momentum sums up", "rate_inside", "steps, each with its rate", "gradients", SGD, RMSPROP),
    _plain("bias correction", "bias_correction", ADAM, RMSPROP),
    _plain("amsgrad", "amsgrad", ADAM),
    _plain("centered", "centered", RMSPROP),
    _plain("initial accumulator", "initial", RMSPROP, ADAGRAD),
    _plain("lr_decay", "rate_decay", ADAGRAD),
    _plain("gradient clipping by global norm", "clip_norm"),
    _plain("what clipping adds to the norm", "clip_epsilon"),
    _plain("gradient clipping by value", "clip_value"),
    _plain("gradient scale", "gradient_scale"),
    _plain("number of steps to an update", "every"),
    _either("the accumulated gradient", "averaged", "the mean", "the sum"),
    _either("the sum of earlier gradients", "stale", "kept (never zeroed)", "dropped"),
    _either("a parameter without a gradient", "skips_unused", "left alone", "updated with a gradient of zero"),
)  # fmt: skip
assert {name for one in SETTINGS for name in one.fields} == {one.name for one in fields(Rule)}


COMMON = tuple(name for one in SETTINGS if len(one.families) == 5 for name in one.fields if name != "family")


def differing(left: Rules, right: Rules) -> list[Setting]:
    """The settings that two sets of rules do not share; where the families differ, the optimizer comes first."""
    found = [one for one in SETTINGS if one.differs(left, right)]
    if found and found[0].fields == ("family",):
        return [found[0], *(one for one in found[1:] if set(one.fields) <= set(COMMON))]
    return found


def merged(left: Rules, right: Rules, settings: Sequence[Setting]) -> Rules:
    """``left`` with some settings of ``right``; another family brings what it alone has."""
    taken = [name for one in settings for name in one.fields]
    made = []
    for own, other in zip(left, right, strict=True):
        start = replace(other, **{name: getattr(own, name) for name in COMMON}) if "family" in taken else own
        made.append(replace(start, **{name: getattr(other, name) for name in taken}))
    return tuple(made)


def aligned(left: Rules, right: Rules, unused: bool = True) -> Rules:
    """``left``, with every setting that has no effect on it as ``right`` has it.

    Args:
        unused: whether any parameter has no gradient.
    """
    return tuple(
        replace(own, **{name: getattr(other, name) for name in _idle(own, other, unused)})
        for own, other in zip(left, right, strict=True)
    )


def _idle(own: Rule, other: Rule, unused: bool) -> list[str]:
    """The fields that could be anything in ``own``."""
    still = own.family in (SGD, RMSPROP) and own.momentum == 0
    idle = ["dampening", "average", "nesterov"] if still else []
    if still or len(own.rates) == 1:
        idle.append("rate_inside")
    alike = own.family == SGD and still and AFTER not in (own.coupling, other.coupling)
    if own.weight_decay == 0 or alike:
        idle.append("coupling")
    if own.clip_norm == inf:
        idle.append("clip_epsilon")
    if own.every == 1:
        idle.append("averaged")
    return idle if unused else [*idle, "skips_unused"]
