"""Gradients that differ on a kink alone, where both one-sided values are right."""

from dataclasses import replace
from typing import NamedTuple

from compare.arrays.probes import nearby
from compare.errors import swallowed
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.context import Context
from compare.sides.judging import Judged
from compare.sides.quartet import Quartet
from compare.sides.side import SideError
from compare.verdict.quantity import kind_of_quantity
from compare.verdict.thresholds import VANISHED
from compare.verdict.verdict import Judgement, Verdict


class Kinks(NamedTuple):
    """Which gradients that differ lie on a kink.

    Attributes:
        on: those that match at all of four perturbations nearby.
        undecided: those that match at each one that the reference takes, where it does not take all.
        why: what the reference raised there.
    """

    on: frozenset[str] = frozenset()
    undecided: frozenset[str] = frozenset()
    why: str = ""


def kinks(quartet: Quartet, entering: Entering, mode: Mode, judged: Judged, context: Context, seed: int) -> Kinks:
    """The gradients that differ here and not nearby. NaN on one side is no kink; nor is anything where the port raises
    at a neighbour that the reference takes.

    Args:
        judged: on what enters; the neighbours are judged by the oracles that it was judged by.
    """
    open_still = (Verdict.MISMATCH,) if judged.witness else (Verdict.MISMATCH, Verdict.FLOAT32_ONLY)
    differing = {
        name
        for name, judgement in judged.judgements.items()
        if kind_of_quantity(name) == "gradient" and judgement.verdict in open_still
    }
    if judged.no_oracle or not differing:
        return Kinks()
    quartet, refused = quartet.using(judged.oracles), ""
    if judged.witness:  # what it explains here it explains there, and is no kink
        quartet = quartet.using(replace(quartet.oracles, promoted=True, witness=judged.witness))
    for moved in nearby(entering.batches[0], quartet.precision, seed):
        beside = replace(entering, batches=(moved,))
        try:
            t, t64 = quartet.run_reference(beside, mode)
        except (
            SideError
        ) as error:  # outside of what the reference takes: it says nothing for a kink, and nothing against
            swallowed(error)
            refused = str(error)
            continue
        try:
            j, j64 = quartet.run_port(beside, mode, t)
        except SideError as error:
            swallowed(error)
            return Kinks()
        around = quartet.judge(t, j, t64, j64, context.sizes(beside))
        differing = {name for name in differing if _proves(around[name], judged.judgements[name])}
        if not differing:
            return Kinks()
    return Kinks(undecided=frozenset(differing), why=refused) if refused else Kinks(frozenset(differing))


def _proves(around: Judgement, here: Judgement) -> bool:
    """Whether a neighbour speaks for a kink: it matches, and its gradient has not simply vanished."""
    return around.verdict is Verdict.MATCH and around.scale >= VANISHED * here.scale
