"""Differences that are known and have a name: a running variance by N, an optimizer's state in another unit."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from compare.pair.pair import Entering
from compare.sides.quantities import slot_of
from compare.sides.quartet import Quartet
from compare.sides.side import Result, Run, What
from compare.sides.variance import DIFFERS
from compare.verdict.verdict import Judgement, Verdict, judge


def by_known_cause(
    quartet: Quartet,
    entering: Entering,
    what: What,
    judged: Mapping[str, Judgement],
    runs: tuple[Result, Run, Run, Run],
) -> dict[str, Judgement]:
    """Name the running variance of N against N - 1 where it is all that a mismatch comes from."""
    t, j, t64, j64 = runs
    unbiased = quartet.with_unbiased_variance(j64, t, entering, what)
    named = {}
    for name in unbiased:
        if judged[name].verdict is Verdict.MISMATCH:
            working = quartet.with_unbiased_variance(j, t, entering, what)
            if judge(t[name], working[name], t64[name], unbiased[name], quartet.precision).verdict is Verdict.MATCH:
                named[name] = replace(judged[name], reason=DIFFERS)
    return named


def in_another_unit(
    judged: Mapping[str, Judgement],
    t: Run,
    j: Run,
    again: Callable[[list[str], float], dict[str, Judgement]],
    best: Verdict = Verdict.MATCH,
) -> dict[str, Judgement]:
    """An optimizer's state that is a constant times the other's in every parameter is another convention (the learning
    rate inside the momentum buffer or outside it), and no other function: the updates are compared by themselves.

    Args:
        t, j: each side's most exact run.
        again: judges some quantities with the port's divided by a factor.
        best: the best verdict that there is.
    """
    slots: dict[str, list[str]] = {}
    for name, judgement in judged.items():
        if slot_of(name):
            slots.setdefault(slot_of(name), []).append(name)
            if judgement.verdict is Verdict.INVALID:
                return {}
    converted: dict[str, Judgement] = {}
    for slot, names in slots.items():
        if all(judged[name].verdict is best for name in names):
            continue
        size = sum(float(np.vdot(t[name], t[name]).real) for name in names)
        factor = sum(float(np.vdot(t[name], j[name]).real) for name in names) / size if size else 0.0
        if factor == 0 or not np.isfinite(factor):
            continue
        judgements = again(names, factor)
        if all(judgement.verdict is best for judgement in judgements.values()):
            reason = f"the port's {slot} is {factor:.6g} times torch's in every parameter: another convention"
            converted |= {name: replace(judgement, reason=reason) for name, judgement in judgements.items()}
    return converted
