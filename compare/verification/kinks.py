"""Gradients that differ on a kink alone, where both one-sided values are right."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from compare.arrays.probes import nearby
from compare.errors import swallowed
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.context import Context
from compare.sides.judging import Judged
from compare.sides.nearby import without_oracle
from compare.sides.quartet import Quartet
from compare.sides.side import Result, SideError
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
    explained = judged.witness or judged.no_oracle  # then float32_only is an answer, and nothing is open
    open_still = (Verdict.MISMATCH,) if explained else (Verdict.MISMATCH, Verdict.FLOAT32_ONLY)
    differing = {
        name
        for name, judgement in judged.judgements.items()
        if kind_of_quantity(name) == "gradient" and judgement.verdict in open_still
    }
    # On record there are no re-runs of the neighbours.
    if not differing or (judged.no_oracle and quartet.on_record):
        return Kinks()
    quartet, refused = quartet.using(judged.oracles), ""
    if judged.witness:  # what it explains here it explains there, and is no kink
        quartet = quartet.using(replace(quartet.oracles, promoted=True, witness=judged.witness))
    for moved in nearby(entering.batches[0], quartet.precision, seed):
        beside = replace(entering, batches=(moved,))
        try:
            t = quartet.working_reference(beside, mode)
            t64 = None if judged.no_oracle else quartet.oracle_reference(beside, mode)
        except SideError as error:  # not what the reference takes: it says nothing for a kink, and nothing against
            swallowed(error)
            refused = str(error)
            continue
        try:
            around = _judged(quartet, beside, mode, t, t64, context, judged.no_oracle)
        except SideError as error:
            swallowed(error)
            return Kinks()
        differing = {name for name in differing if _proves(around[name], judged.judgements[name], _best(judged))}
        if not differing:
            return Kinks()
    return Kinks(undecided=frozenset(differing), why=refused) if refused else Kinks(frozenset(differing))


def _judged(
    quartet: Quartet, beside: Entering, mode: Mode, t: Result, t64: Result | None, context: Context, no_oracle: str
) -> Mapping[str, Judgement]:
    """The judgements on one neighbour."""
    if t64 is None:
        j = quartet.working_port(beside, mode, t)
        return without_oracle(quartet, beside, mode, t, j, no_oracle, context.sizes(beside))
    j, j64 = quartet.run_port(beside, mode, t)
    return quartet.judge(t, j, t64, j64, context.sizes(beside))


def _best(judged: Judged) -> Verdict:
    """The best verdict that there is."""
    return Verdict.FLOAT32_ONLY if judged.no_oracle else Verdict.MATCH


def _proves(around: Judgement, here: Judgement, best: Verdict) -> bool:
    """Whether a neighbour speaks for a kink: it is as good as can be, and its gradient has not simply vanished."""
    return around.verdict is best and around.scale >= VANISHED * here.scale
