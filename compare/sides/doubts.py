"""What is done about a quantity that is no match at first: promoted oracles, the CPU's, a witness."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from compare.arrays.aside import touched
from compare.errors import swallowed
from compare.frameworks import devices
from compare.frameworks.islands.places import KERNEL
from compare.pair.pair import Entering
from compare.sides.context import Context, Lowering, Oracles, Witness
from compare.sides.quartet import Quartet
from compare.sides.side import STEPS, Result, Run, SideError, What
from compare.sides.witnesses import NONE, closed_by, find_witness
from compare.verdict.thresholds import ISLANDS
from compare.verdict.verdict import Judgement, Verdict

OFF_THE_CARD = "a kernel on the GPU is accurate to float32 only, in float64 too: judged by float64 on the CPU"
ON_RECORD = "no witness can be sought against a record: verify with both frameworks installed"

Judgements = dict[str, Judgement]


class Exact(NamedTuple):
    """The oracles in use, and the reference's run by them."""

    oracles: Oracles
    reference: Result


class Raised(NamedTuple):
    """Both sides' promoted runs in place of plain ones that do not stand; None for one that does not stand either.

    Attributes:
        quartet: with promoted oracles.
        where: where float32 is made, in words.
    """

    quartet: Quartet
    reference: Result | None
    port: Result | None
    where: str = ""


@dataclass(frozen=True)
class Doubts:
    """One run of a pair whose judgements are gone through; ``quartet`` has the oracles that come first."""

    quartet: Quartet
    entering: Entering
    what: What
    context: Context
    t: Result
    j: Result

    def judge(self, t64: Run, j64: Run, names: Mapping[str, Judgement] | None = None) -> Judgements:
        """By these two float64 runs, all quantities or some."""
        runs: list[Run] = [self.t, self.j, t64, j64]
        if names is not None:
            runs = [{name: run[name] for name in names} for run in runs]
        t, j, t64, j64 = runs
        return self.quartet.judge(t, j, t64, j64, self.sizes)

    @property
    def sizes(self) -> dict[str, float]:
        return {} if self.what == STEPS else self.context.sizes(self.entering)

    def by(self, oracles: Oracles) -> tuple[Result, Result]:
        """Both float64 runs by other oracles."""
        quartet = self.quartet.using(oracles)
        return quartet.oracle_reference(self.entering, self.what), quartet.oracle_port(self.entering, self.what, self.t)

    def promoted(self, by: Exact, doubtful: Judgements) -> tuple[Judgements, Exact]:
        """The doubtful ones judged again with promoted oracles, which stay in use where any of them is a match."""
        raised = replace(by.oracles, promoted=True)
        try:
            t64, j64 = self.by(raised)
        except SideError as error:
            swallowed(error)
            text = f"promoted oracles failed: {error}"
            return {
                name: replace(judgement, reason=judgement.reason or text) for name, judgement in doubtful.items()
            }, by
        judged = self.judge(t64, j64, doubtful)
        if not any(judgement.verdict is Verdict.MATCH for judgement in judged.values()):
            return judged, by
        return told_where(judged, self.inside(raised, t64)), Exact(raised, t64)

    def raised(self) -> Raised:
        """Promoted oracles where the plain ones do not stand.

        What is cast to float32 before a layer in float64 raises there, and a mask of float64's lowest number is minus
        infinity in float32: neither is so at the working precision, nor with all of it in float64.
        """
        oracles = replace(self.quartet.oracles, promoted=True)
        quartet = self.quartet.using(oracles)
        t64 = j64 = None
        try:
            t64 = quartet.oracle_reference(self.entering, self.what)
            j64 = quartet.oracle_port(self.entering, self.what, self.t)
        except SideError as error:
            swallowed(error)
        t64 = t64 if t64 is not None and stands(self.t, t64) else None
        j64 = j64 if j64 is not None and stands(self.j, j64) else None
        where = self.inside(oracles, t64) if t64 is not None and j64 is not None else ""
        return Raised(quartet, t64, j64, where)

    def inside(self, oracles: Oracles, t64: Result) -> str:
        """Where the models' own code makes something float32."""
        places = list(t64.inside)
        if self.what != STEPS:
            try:
                places += self.quartet.using(oracles).islands_of_port(self.entering, self.what, self.t)
            except Exception as error:  # a model that only the promoted trace stands: then one side's places have to do
                swallowed(error)
        # Torch's own first: nobody would look for them.
        places = sorted(dict.fromkeys(places), key=lambda place: not place.startswith(KERNEL))
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        return f"float32 inside: {', '.join(places[:3]) or 'the code of a library'}{more}"

    def off_the_card(self, by: Exact, judged: Judgements) -> tuple[Judgements, Exact]:
        """What still differs by float32's size, judged by float64 on the CPU, which stays in use where any matches.

        Not every kernel for a GPU is accurate to float64: torch's hardswish and weight norm hold constants in float32
        there (seen with torch 2.11 on an H200: relative errors of 3e-8 and 5e-8 in float64).
        """
        doubtful = {
            name: judgement
            for name, judgement in judged.items()
            if is_doubtful(judgement) and may_be_rounding(judgement)
        }
        if not doubtful:
            return {}, by
        oracles = replace(by.oracles, device=devices.choose("cpu"))
        try:
            t64, j64 = self.by(oracles)
        except SideError as error:  # a model that runs on the card alone
            swallowed(error)
            return {}, by
        again, there = self.judge(t64, j64, doubtful), Exact(oracles, t64)
        left = {name: judgement for name, judgement in again.items() if is_doubtful(judgement)}
        if left and not oracles.promoted:
            raised, there = self.promoted(there, left)
            again |= raised
        closed = {name: judgement for name, judgement in again.items() if judgement.verdict is Verdict.MATCH}
        return {
            name: replace(judgement, reason=": ".join(filter(None, (OFF_THE_CARD, judgement.reason))))
            for name, judgement in closed.items()
        }, there if closed else by

    def with_witness(self, oracles: Oracles, judged: Judgements) -> tuple[Judgements, Witness | None]:
        """With promoted oracles nothing explains a gap of float32's size but tables held in float32: where there are
        none that are responsible, the two are different functions."""
        doubtful = {name: judgement for name, judgement in judged.items() if is_doubtful(judgement)}
        if not doubtful:
            return {}, None
        runs, names, oracles = (self.t, self.j), list(doubtful), replace(oracles, promoted=True, witness=None)
        quartet, witness, explained, why = self.quartet.using(oracles), self.context.witness, set[str](), NONE
        if self.quartet.on_record:
            why = ON_RECORD
            if self.quartet.oracle.name == "gpu":
                why += ", or record and judge with --oracle-device cpu"
        elif able := [name for name, judgement in doubtful.items() if may_be_rounding(judgement)]:
            if witness:
                in_place = quartet.using(replace(oracles, witness=witness))
                explained = closed_by(in_place, self.entering, self.what, able, runs, self.sizes)
            invalid = any(judgement.verdict is Verdict.INVALID for judgement in judged.values())
            if explained != set(names) == set(able) and not invalid:
                every = [name for name, judgement in judged.items() if judgement.verdict is not Verdict.INCOMPLETE]
                own_witness = find_witness(quartet, self.entering, self.what, every, runs, self.sizes)
                witness, explained = (own_witness, set(names)) if own_witness else (witness, explained)
        again = {}
        for name, judgement in doubtful.items():
            if witness and name in explained:
                again[name] = replace(judgement, verdict=Verdict.FLOAT32_ONLY, reason=witness.text)
            elif judgement.verdict is Verdict.FLOAT32_ONLY:
                reason = why if self.quartet.on_record else judgement.reason or why
                again[name] = replace(judgement, verdict=Verdict.MISMATCH, reason=reason)
        return again, witness if explained else None


def told_where(judged: Judgements, where: str) -> Judgements:
    """With ``where`` float32 is made inside as the reason of each match by promoted oracles; as they are without."""
    if not where:
        return judged
    return {
        name: replace(judgement, reason=where) if judgement.verdict is Verdict.MATCH else judgement
        for name, judgement in judged.items()
    }


def lowered_alone(judged: Judgements, lowering: Lowering | None, *besides: Verdict) -> Judgements:
    """What is a mismatch where one side alone rounds below the working precision, which is the reason of all that have
    no other. So is what has a verdict of ``besides``: where an oracle cannot round so, nothing shows that it does
    nothing."""
    if lowering is None or not lowering.alone:
        return {}
    return {
        name: replace(judgement, verdict=Verdict.MISMATCH, reason=lowering.alone)
        for name, judgement in judged.items()
        if judgement.verdict in besides or (judgement.verdict is Verdict.MISMATCH and judgement.reason in ("", NONE))
    }


def stands(run: Run, exact: Run) -> bool:
    """Whether a float64 run is finite wherever the run at the working precision is: float64 reaches further."""
    for name, array in exact.items():
        touched(array.nbytes)
        if array.dtype.kind not in "fc" or np.isfinite(array).all():
            continue
        if name in run and run[name].shape == array.shape and (~np.isfinite(array) & np.isfinite(run[name])).any():
            return False
    return True


def is_doubtful(judgement: Judgement) -> bool:
    """Whether other oracles could make it a match."""
    return judgement.verdict in (Verdict.FLOAT32_ONLY, Verdict.MISMATCH)


def may_be_rounding(judgement: Judgement) -> bool:
    """Whether float32 inside the models could explain the gap: what is rounded in there is rounded in the runs at the
    working precision too, and shows in their errors."""
    return judgement.gap <= ISLANDS * max(judgement.error_reference, judgement.error_port, judgement.quiet)
