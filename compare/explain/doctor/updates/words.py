"""One setting of both sides in a sentence."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from compare.explain.doctor.thresholds import RATE_ALIKE
from compare.explain.doctor.updates.rule_settings import SpokenSetting
from compare.explain.doctor.updates.rules import AFTER, Rules


class Wording(NamedTuple):
    """A setting of the port and of the reference, and both in one sentence."""

    port: str
    reference: str
    text: str


def wording_of(
    setting: SpokenSetting, port: Rules, reference: Rules, names: Sequence[str], ranks: Sequence[int]
) -> Wording:
    """One setting of both sides, in words."""
    one, two = (setting.of(rules, names, ranks) for rules in (port, reference))
    if ("inside the root" in one) != ("inside the root" in two):
        one, two = (said if "the root" in said else f"{said} outside the root" for said in (one, two))
    remark = _remark(setting, port, reference)
    return Wording(one, two, f"{setting.label} is {one} in the port, {two} in the reference{remark}")


def _remark(setting: SpokenSetting, port: Rules, reference: Rules) -> str:
    """What a difference looks like to a person."""
    if setting.label == "weight_decay" and any(rule.coupling == AFTER and rule.weight_decay for rule in port):
        return f": it is {AFTER}, so that the weights {'grow' if port[0].weight_decay > 0 else 'shrink at that rate'}"
    if setting.label != "learning rate":
        return ""
    steps = range(1, max(len(rule.rates) for rule in (*port, *reference)) + 1)
    own, other = (np.array([[rule.rate(step) for step in steps] for rule in rules]) for rules in (reference, port))
    alike = partial(np.allclose, rtol=RATE_ALIKE, atol=0)
    if alike(other, -own):
        return ": every step goes the opposite way"
    if np.any(own != own[:, :1]):
        if alike(other[:, :-1], own[:, 1:]):
            return ": the port's schedule is one step ahead"
        if alike(other[:, 1:], own[:, :-1]):
            return ": the port's schedule is one step behind"
    return ""
