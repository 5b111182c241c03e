"""One setting of both sides in a sentence."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from compare.explain.doctor.updates.rule_settings import Spoken
from compare.explain.doctor.updates.rules import AFTER, Rules


class Said(NamedTuple):
    """A setting of the port and of the reference, and both in one sentence."""

    port: str
    reference: str
    text: str


def said_of(setting: Spoken, port: Rules, reference: Rules, names: Sequence[str], ranks: Sequence[int]) -> Said:
    """One setting of both sides, in words."""
    one, two = (setting.of(rules, names, ranks) for rules in (port, reference))
    if ("inside the root" in one) != ("inside the root" in two):
        one, two = (said if "the root" in said else f"{said} outside the root" for said in (one, two))
    remark = _remark(setting, port, reference)
    return Said(one, two, f"{setting.label} is {one} in the port, {two} in the reference{remark}")


def _remark(setting: Spoken, port: Rules, reference: Rules) -> str:
    """What a difference looks like to a person."""
    if setting.label == "weight_decay" and any(rule.coupling == AFTER and rule.weight_decay for rule in port):
        return f": it is {AFTER}, so that the weights {'grow' if port[0].weight_decay > 0 else 'shrink at that rate'}"
    if setting.label != "learning rate":
        return ""
    steps = range(1, max(len(rule.rates) for rule in (*port, *reference)) + 1)
    own, other = (np.array([[rule.rate(step) for step in steps] for rule in rules]) for rules in (reference, port))
    alike = partial(np.allclose, rtol=1e-6, atol=0)
    if alike(other, -own):
        return ": every step goes the opposite way"
    if np.any(own != own[:, :1]):
        if alike(other[:, :-1], own[:, 1:]):
            return ": the port's schedule is one step ahead"
        if alike(other[:, 1:], own[:, :-1]):
            return ": the port's schedule is one step behind"
    return ""
