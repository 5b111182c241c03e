"""One run of a pair, judged; what is no match at first is doubted: promoted oracles, the CPU's, a witness, a cause.

A judgement depends on its arguments alone: what enters, what is run, and the context. Which oracles it was reached by,
and which witness, is part of what is returned.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from compare.errors import swallowed
from compare.frameworks import devices
from compare.pair.pair import Entering
from compare.sides.context import NOTHING_KNOWN, Context, Oracles, Witness
from compare.sides.conventions import by_known_cause, in_another_unit
from compare.sides.nearby import without_oracle
from compare.sides.quartet import Quartet, unpaired_slots
from compare.sides.side import STEPS, Result, Run, SideError, What
from compare.sides.witnesses import NONE, closed_by, find_witness
from compare.verdict.thresholds import ISLANDS
from compare.verdict.verdict import Judgement, Verdict

OFF_THE_CARD = "a kernel on the GPU is accurate to float32 only, in float64 too: judged by float64 on the CPU"
ON_RECORD = "no witness can be sought against a record: verify with both frameworks installed"

Judgements = dict[str, Judgement]


class ReferenceRuns(NamedTuple):
    """The reference's runs; ``oracle`` is None where a model cannot run in float64, and ``no_oracle`` says why."""

    working: Result
    oracle: Result | None
    no_oracle: str = ""


@dataclass(frozen=True)
class Judged:
    """The judgements on one run of a pair, by quantity, and how they were reached.

    Attributes:
        oracle: the reference's float64 run, if it has one, by the oracles that came first.
        reference, port: the runs at the working precision.
        oracles: those that the last word was spoken by; None where there was nothing to judge by them.
        no_oracle: why a model cannot run in float64, if one cannot.
        witness: what explains the quantities that are ``float32_only``.
    """

    judgements: Judgements
    oracle: Run = field(default_factory=dict)
    reference: Result = field(default_factory=lambda: Result({}))
    port: Result = field(default_factory=lambda: Result({}))
    oracles: Oracles | None = None
    no_oracle: str = ""
    witness: Witness | None = None

    @property
    def unpaired(self) -> frozenset[str]:
        """What torch's optimizer keeps and the port's does not, by torch's name."""
        return unpaired_slots(self.reference, self.port)

    def without_arrays(self) -> "Judged":
        """The same without the runs' arrays, which may be large."""
        return replace(
            self, oracle={}, reference=replace(self.reference, arrays={}), port=replace(self.port, arrays={})
        )


@dataclass(frozen=True)
class _Doubts:
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

    def promoted(self, oracles: Oracles, doubtful: Judgements) -> tuple[Judgements, Oracles]:
        """The doubtful ones judged again with promoted oracles, which stay in use where any of them is a match."""
        raised = replace(oracles, promoted=True)
        try:
            t64, j64 = self.by(raised)
        except SideError as error:
            swallowed(error)
            text = f"promoted oracles failed: {error}"
            return {name: replace(one, reason=one.reason or text) for name, one in doubtful.items()}, oracles
        judged = self.judge(t64, j64, doubtful)
        if not any(one.verdict is Verdict.MATCH for one in judged.values()):
            return judged, oracles
        where = self.inside(raised, t64)
        return {
            name: replace(one, reason=where) if one.verdict is Verdict.MATCH else one for name, one in judged.items()
        }, raised

    def inside(self, oracles: Oracles, t64: Result) -> str:
        """Where the models' own code makes something float32."""
        places = list(t64.inside)
        if self.what != STEPS:
            try:
                places += self.quartet.using(oracles).islands_of_port(self.entering, self.what, self.t)
            except Exception as error:  # a model that only the promoted trace stands: then one side's places have to do
                swallowed(error)
        places = list(dict.fromkeys(places))
        more = f" and {len(places) - 3} more" if len(places) > 3 else ""
        return f"float32 inside: {', '.join(places[:3]) or 'the code of a library'}{more}"

    def off_the_card(self, oracles: Oracles, judged: Judgements) -> tuple[Judgements, Oracles]:
        """What still differs by float32's size, judged by float64 on the CPU, which stays in use where any matches.

        Not every kernel for a GPU is accurate to float64: torch's hardswish and weight norm hold constants in float32
        there (seen with torch 2.11 on an H200: relative errors of 3e-8 and 5e-8 in float64).
        """
        doubtful = {name: one for name, one in judged.items() if _is_doubtful(one) and _may_be_rounding(one)}
        if not doubtful:
            return {}, oracles
        there = replace(oracles, device=devices.choose("cpu"))
        try:
            again = self.judge(*self.by(there), doubtful)
        except SideError as error:  # a model that runs on the card alone
            swallowed(error)
            return {}, oracles
        left = {name: one for name, one in again.items() if _is_doubtful(one)}
        if left and not there.promoted:
            raised, there = self.promoted(there, left)
            again |= raised
        closed = {name: one for name, one in again.items() if one.verdict is Verdict.MATCH}
        return {
            name: replace(one, reason=": ".join(filter(None, (OFF_THE_CARD, one.reason))))
            for name, one in closed.items()
        }, there if closed else oracles

    def with_witness(self, oracles: Oracles, judged: Judgements) -> tuple[Judgements, Witness | None]:
        """With promoted oracles nothing explains a gap of float32's size but a constant held in float32: where there is
        none that is responsible, the two are different functions."""
        names = [name for name, one in judged.items() if one.verdict is Verdict.FLOAT32_ONLY]
        if not names:
            return {}, None
        if self.quartet.on_record:
            why = ON_RECORD
            if self.quartet.oracle.name == "gpu":
                why += ", or record and judge with --oracle-device cpu"
            return {name: replace(judged[name], verdict=Verdict.MISMATCH, reason=why) for name in names}, None
        quartet = self.quartet.using(replace(oracles, witness=None))
        runs, witness, explained = (self.t, self.j), self.context.witness, set[str]()
        if witness:
            in_place = quartet.using(Oracles(oracles.device, promoted=True, witness=witness))
            explained = closed_by(in_place, self.entering, self.what, names, runs, self.sizes)
        if self.what != STEPS and explained != set(names):
            found = find_witness(quartet, self.entering, self.what, names, runs, self.sizes)
            witness, explained = (found, set(names)) if found else (witness, explained)
        again = {}
        for name in names:
            one = judged[name]
            if witness and name in explained:
                again[name] = replace(one, reason=witness.text)
            else:
                again[name] = replace(one, verdict=Verdict.MISMATCH, reason=one.reason or NONE)
        return again, witness if explained else None


def reference_runs(quartet: Quartet, entering: Entering, what: What, context: Context = NOTHING_KNOWN) -> ReferenceRuns:
    """The reference's runs, by the context's oracles.

    Raises:
        SideError: it raises at the working precision.
    """
    quartet = quartet.using(context.oracles)
    t = quartet.working_reference(entering, what)
    if context.no_oracle:
        return ReferenceRuns(t, None, context.no_oracle)
    try:
        return ReferenceRuns(t, quartet.oracle_reference(entering, what))
    except SideError as error:
        swallowed(error)
        return ReferenceRuns(t, None, str(error))


def judge_port(
    quartet: Quartet,
    entering: Entering,
    what: What,
    t: Result,
    t64: Result | None,
    no_oracle: str = "",
    context: Context = NOTHING_KNOWN,
) -> Judged:
    """Run the port, and hold it against the reference's runs (``reference_runs`` in the same context).

    Raises:
        SideError: the port raises at the working precision.
    """
    quartet = quartet.using(context.oracles)
    j = quartet.working_port(entering, what, t)
    j64 = None
    if t64 is not None:
        try:
            j64 = quartet.oracle_port(entering, what, t)
        except SideError as error:
            swallowed(error)
            no_oracle = str(error)
    if t64 is None or j64 is None:
        judgements = without_oracle(quartet, entering, what, t, j, no_oracle)
        return Judged(judgements, reference=t, port=j, no_oracle=no_oracle)
    doubts = _Doubts(quartet, entering, what, context, t, j)
    judged, oracles = doubts.judge(t64, j64), quartet.oracles
    doubtful = {name: one for name, one in judged.items() if _is_doubtful(one)}
    if not oracles.promoted and any(map(_may_be_rounding, doubtful.values())):
        again, oracles = doubts.promoted(oracles, doubtful)
        judged |= again
    if oracles.device.name == "gpu" and not quartet.on_record:
        again, oracles = doubts.off_the_card(oracles, judged)
        judged |= again
    again, witness = doubts.with_witness(oracles, judged)
    judged |= again
    judged |= by_known_cause(quartet, entering, what, judged, (t, j, t64, j64))
    judged |= in_another_unit(judged, t64, j64, _again(quartet, (t, j, t64, j64)))
    return Judged(judged, t64, t, j, oracles, "", witness)


def _again(quartet: Quartet, runs: tuple[Run, Run, Run, Run]) -> Callable[[list[str], float], Judgements]:
    def judge(names: list[str], factor: float) -> Judgements:
        t, j, t64, j64 = ({name: run[name] for name in names} for run in runs)
        j, j64 = ({name: array / factor for name, array in run.items()} for run in (j, j64))
        return quartet.judge(t, j, t64, j64)

    return judge


def _is_doubtful(one: Judgement) -> bool:
    return one.verdict in (Verdict.FLOAT32_ONLY, Verdict.MISMATCH)


def _may_be_rounding(one: Judgement) -> bool:
    """Whether float32 inside the models could explain the gap: what is rounded in there is rounded in the runs at the
    working precision too, and shows in their errors."""
    return one.gap <= ISLANDS * max(one.error_reference, one.error_port, one.quiet)
