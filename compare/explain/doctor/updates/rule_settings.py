"""The settings of rules as a porter knows them: which differ, and one side's put into the other's rules."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import inf

from compare.explain.doctor.fit import number_words
from compare.explain.doctor.thresholds import AT_ONCE, LISTED, STEPS_LISTED
from compare.explain.doctor.updates.rules import AFTER, COMMON, OWN, PLAIN, Rule, Rules, each
from compare.weights.optimizer_row import FLAG
from compare.weights.twins import settings_of

WORDS = {  # of a flag: on, off
    "rate_inside": ("steps, each with its rate", "gradients"),
    "averaged": ("the mean", "the sum"),
    "stale": ("kept (never zeroed)", "dropped"),
    "skips_unused": ("left alone", "updated with a gradient of zero"),
}


@dataclass(frozen=True)
class SpokenSetting:
    """What a porter would call one setting: its name in a sentence, the settings behind it, its value in words."""

    label: str
    names: tuple[str, ...]
    said: Callable[[Rule], str]

    def differs(self, left: Rules, right: Rules) -> bool:
        once = {(id(a), id(b)): (a, b) for a, b in zip(left, right, strict=True)}.values()
        return any(a.get(name) != b.get(name) for a, b in once for name in self.names)

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
    more = f" and {len(members) - LISTED} more" if len(members) > LISTED else ""
    return ", ".join(names[at] for at in members[:LISTED]) + more


def _rates(rule: Rule) -> str:
    if rule.family == OWN:  # nothing says what it is, only how many times its own steps are taken
        return "its own" if set(rule.rates) == {1.0} else f"{_by_step(rule)} times the reference's"
    return _by_step(rule)


def _by_step(rule: Rule) -> str:
    values = [number_words(rate) for rate in rule.rates]
    if len(set(values)) == 1:
        return values[0]
    if len(values) <= STEPS_LISTED:
        return f"{', '.join(values)} in steps {', '.join(str(step) for step in range(1, len(values) + 1))}"
    stretches: list[tuple[str, int, int]] = []
    for step, value in enumerate(values, start=1):
        if stretches and stretches[-1][0] == value:
            stretches[-1] = (value, stretches[-1][1], step)
        else:
            stretches.append((value, step, step))
    if len(stretches) > STEPS_LISTED:
        return f"{', '.join(values[:LISTED])}, ... in steps {', '.join(map(str, range(1, LISTED + 1)))}, ..."
    return ", ".join(f"{value} in steps {first} to {last}" for value, first, last in stretches)


def _momentum(rule: Rule) -> str:
    value = number_words(rule.get("momentum"))
    if rule.get("average"):
        return f"{value} as an average of gradients" + (", bias corrected" if rule.get("debias") else "")
    return f"{value} with dampening {number_words(rule.get('dampening'))}" if rule.get("dampening") else value


def _epsilon(rule: Rule) -> str:
    epsilon, root = rule.get("epsilon"), rule.get("epsilon_root")
    outside = number_words(epsilon) + (" on the uncorrected moment" if rule.get("epsilon_hat") and epsilon else "")
    inside = f"{number_words(root)} inside the root"
    return (f"{outside} and {inside}" if epsilon else inside) if root else outside


def _amsgrad(rule: Rule) -> str:
    moment = "corrected" if rule.get("amsgrad_corrected") else "raw"
    return f"the maximum of the {moment} second moment" if rule.get("amsgrad") else "off"


def _plain(label: str, name: str, flag: bool = False) -> SpokenSetting:
    def said(rule: Rule) -> str:
        value = rule.get(name)
        if flag:
            on, off = WORDS.get(name, ("on", "off"))
            return on if value else off
        return value if isinstance(value, str) else number_words(value)

    return SpokenSetting(label, (name,), said)


TOGETHER = {"momentum": _momentum, "epsilon": _epsilon, "amsgrad": _amsgrad}  # settings that are said in one


# What all optimizers have, from the most usual difference to the least; an optimizer's own settings come between.
def _optimizer(rule: Rule) -> str:
    return (rule.stated.kind if rule.family == OWN else "") or rule.family


OPTIMIZER = SpokenSetting("optimizer", (), _optimizer)
FIRST = (
    SpokenSetting("learning rate", ("rates",), _rates),
    _plain("weight_decay", "weight_decay"),
    _plain("weight decay", "coupling"),
)
LAST = (
    _plain("gradient clipping by global norm", "clip_norm"),
    _plain("what clipping adds to the norm", "clip_epsilon"),
    _plain("gradient clipping by value", "clip_value"),
    _plain("gradient scale", "gradient_scale"),
    _plain("number of steps to an update", "every"),
    _plain("the accumulated gradient", "averaged", flag=True),
    _plain("the sum of earlier gradients", "stale", flag=True),
    _plain("a parameter without a gradient", "skips_unused", flag=True),
)


def spoken(*families: str) -> tuple[SpokenSetting, ...]:
    """The settings of these optimizers as a porter knows them."""
    by_label: dict[str, list[str]] = {}
    rows = [one for family in families for one in settings_of(family)]
    for one in rows:
        by_label.setdefault(one.label, []).append(one.name)
    flags = {one.name for one in rows if one.kind == FLAG}
    own = [
        SpokenSetting(label, tuple(dict.fromkeys(names)), TOGETHER[label])
        if label in TOGETHER
        else _plain(label, names[0], names[0] in flags)
        for label, names in by_label.items()
    ]
    return (*FIRST, *own, *LAST)


def differing(left: Rules, right: Rules) -> list[SpokenSetting]:
    """The settings that two sets of rules do not share; where the families differ, the optimizer and what all have.

    Of an optimizer that no row describes nothing is known but that it is another.
    """
    alike = all(a.family == b.family for a, b in zip(left, right, strict=True))
    if not alike and any(rule.family == OWN for rule in (*left, *right)):
        return [OPTIMIZER]
    asked = spoken(*dict.fromkeys(rule.family for rule in left)) if alike else (*FIRST, *LAST)
    return [*([] if alike else [OPTIMIZER]), *(one for one in asked if one.differs(left, right))]


def merged(left: Rules, right: Rules, settings: Sequence[SpokenSetting]) -> Rules:
    """``left`` with some settings of ``right``; another family brings what it alone has."""
    taken = [name for one in settings for name in one.names]

    def joined(own: Rule, other: Rule) -> Rule:
        if OPTIMIZER in settings and own.family == OWN:
            return other
        start = other.but(**{name: own.get(name) for name in COMMON}) if OPTIMIZER in settings else own
        return start.but(**{name: other.get(name) for name in taken})

    return each(joined, left, right)


def subsets(given: Sequence[SpokenSetting]) -> Iterator[tuple[SpokenSetting, ...]]:
    """The non-empty subsets of up to three settings, in the order given, then all together."""
    for size in range(1, min(AT_ONCE, len(given)) + 1):
        yield from combinations(given, size)
    if len(given) > AT_ONCE:
        yield tuple(given)


def aligned(left: Rules, right: Rules, unused: bool = True) -> Rules:
    """``left``, with every setting that has no effect on it as ``right`` has it.

    Args:
        unused: whether any parameter has no gradient.
    """
    return each(
        lambda own, other: own.but(**{name: other.get(name) for name in _idle(own, other, unused)}), left, right
    )


def _idle(own: Rule, other: Rule, unused: bool) -> Iterator[str]:
    """The settings that could be anything in ``own``."""
    rows = settings_of(own.family) if own.family == other.family else ()
    yield from (one.name for one in rows if one.of and not own.get(one.of))
    if len(own.rates) == 1:
        yield "rate_inside"
    if own.get("average"):
        yield "dampening"
    plain = own.family == PLAIN and not own.get("momentum") and AFTER not in (own.coupling, other.coupling)
    if own.weight_decay == 0 or plain:
        yield "coupling"
    if own.clip_norm == inf:
        yield "clip_epsilon"
    if own.every == 1:
        yield "averaged"
    if not unused:
        yield "skips_unused"
