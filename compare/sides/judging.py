"""One run of a pair, judged; what is no match at first is doubted.

A judgement depends on its arguments alone: what enters, what is run, and the context. Which oracles it was reached by,
and which witness, is part of what is returned.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from compare.errors import swallowed
from compare.pair.pair import Entering
from compare.sides.context import NOTHING_KNOWN, Context, Lowering, Oracles, Witness
from compare.sides.conventions import by_known_cause, in_another_unit
from compare.sides.doubts import (
    Doubts,
    Exact,
    Judgements,
    is_doubtful,
    lowered_alone,
    may_be_rounding,
    stands,
    told_where,
)
from compare.sides.nearby import without_oracle
from compare.sides.quantities import unpaired_slots
from compare.sides.quartet import Quartet
from compare.sides.rounding import Rounded, by_rounding_beneath, by_rounding_measured
from compare.sides.side import Result, Run, SideError, What
from compare.verdict.verdict import Verdict


class ReferenceRuns(NamedTuple):
    """The reference's runs; ``oracle`` is None where a model cannot run in float64, and ``no_oracle`` says why."""

    working: Result
    oracle: Result | None
    no_oracle: str = ""


@dataclass(frozen=True)
class Judged:
    """The judgements on one run of a pair, by quantity, and how they were reached.

    Attributes:
        reference, port: the runs at the working precision.
        oracles: those that the last word was spoken by; None where there was nothing to judge by them.
        exact: the reference's run by these.
        no_oracle: why a model cannot run in float64, if one cannot.
        witness: what explains the quantities that are ``float32_only``.
        lowering: what the models round below the working precision.
    """

    judgements: Judgements
    reference: Result = field(default_factory=lambda: Result({}))
    port: Result = field(default_factory=lambda: Result({}))
    exact: Result = field(default_factory=lambda: Result({}))
    oracles: Oracles | None = None
    no_oracle: str = ""
    witness: Witness | None = None
    lowering: Lowering | None = None

    @property
    def unpaired(self) -> frozenset[str]:
        """What torch's optimizer keeps and the port's does not, by torch's name."""
        return unpaired_slots(self.reference, self.port)

    def without_arrays(self) -> "Judged":
        """The same without the runs' arrays, which may be large."""
        runs = {name: replace(getattr(self, name), arrays={}) for name in ("reference", "port", "exact")}
        return replace(self, **runs)


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
    doubts, where = Doubts(quartet, entering, what, context, t, j), ""
    plain = not (quartet.promoted or context.no_oracle)
    broken = t64 is None or j64 is None or not (stands(t, t64) and stands(j, j64))
    raised = doubts.raised() if plain and broken else None
    if raised and raised.reference is not None and raised.port is not None:
        quartet, t64, j64, where = raised
        doubts = replace(doubts, quartet=quartet)
    if t64 is None or j64 is None:
        known = [run for run in (raised.reference if raised else None, t64) if run is not None]
        runs = None if context.no_oracle else known
        judgements = without_oracle(quartet, entering, what, t, j, no_oracle, doubts.sizes, runs)
        judgements |= lowered_alone(judgements, quartet.lowering, Verdict.FLOAT32_ONLY)
        return Judged(judgements, reference=t, port=j, no_oracle=no_oracle, lowering=quartet.lowering)
    judged, by = told_where(doubts.judge(t64, j64), where), Exact(quartet.oracles, t64)
    doubtful = {name: judgement for name, judgement in judged.items() if is_doubtful(judgement)}
    if not by.oracles.promoted and any(map(may_be_rounding, doubtful.values())):
        again, by = doubts.promoted(by, doubtful)
        judged |= again
    if by.oracles.device.name == "gpu" and not quartet.on_record:
        again, by = doubts.off_the_card(by, judged)
        judged |= again
    again, witness = doubts.with_witness(by.oracles, judged)
    judged |= again
    last = replace(by.oracles, promoted=True, witness=witness) if witness else by.oracles
    rounded = Rounded(doubts, last, (t64, j64) if last == quartet.oracles else None)
    judged |= by_rounding_measured(rounded, judged)
    judged |= by_rounding_beneath(rounded, judged)
    judged |= by_known_cause(quartet, entering, what, judged, (t, j, t64, j64))
    judged |= in_another_unit(judged, t64, j64, _again(quartet, (t, j, t64, j64)))
    erased = [Verdict.MATCH, Verdict.FLOAT32_ONLY] if quartet.lowering and quartet.lowering.erased else []
    judged |= lowered_alone(judged, quartet.lowering, *erased)
    return Judged(judged, t, j, by.reference, by.oracles, "", witness, quartet.lowering)


def _again(quartet: Quartet, runs: tuple[Run, Run, Run, Run]) -> Callable[[list[str], float], Judgements]:
    def judge(names: list[str], factor: float) -> Judgements:
        t, j, t64, j64 = ({name: run[name] for name in names} for run in runs)
        j, j64 = ({name: array / factor for name, array in run.items()} for run in (j, j64))
        return quartet.judge(t, j, t64, j64)

    return judge
