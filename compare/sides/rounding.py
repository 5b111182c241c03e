"""What rounding does in float64 itself, measured there: the last word on a gap that the working precision cannot size.

The verdict takes rounding in float64 for the working precision's, only smaller. That is so where a quantity's error
grows with the unit roundoff. It is not where the working precision stands still: beyond 9, tanh is 1 in float32 and
1 - tanh**2 is exactly 0, without an error; up to 19 float64 still resolves it, as a cancellation that leaves a few
units of its own last place, times whatever multiplies the gradient there.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from compare.errors import swallowed
from compare.sides.context import Oracles
from compare.sides.doubts import Doubts, Judgements
from compare.sides.quantities import judge_together
from compare.sides.side import Run, SideError
from compare.verdict.precision import ROUNDED
from compare.verdict.thresholds import RESOLVED
from compare.verdict.verdict import Judgement, Verdict

MEASURED = "rounding measured in float64: the working precision does not resolve it"
BENEATH = "more than float64 rounds: what both sides round below the working precision is raised, and explains nothing"


@dataclass(frozen=True)
class Rounded:
    """Both sides by the oracles that the last word was spoken by, with every result rounded to 46 bits: run when a rule
    asks for it, and once for all that do.

    Attributes:
        oracles: the ones spoken of.
        exact: both sides' runs by these; None: they are run again.
    """

    doubts: Doubts
    oracles: Oracles
    exact: tuple[Run, Run] | None = None

    def judged(self, names: Judgements) -> dict[str, Judgement]:
        """These quantities with the rounded runs in the place of the working precision's; none where a side cannot be
        run so: what is known stays."""
        if not names or self._runs is None:
            return {}
        t46, j46, t64, j64 = ({name: run[name] for name in names} for run in self._runs)
        return judge_together((t46, j46, t64, j64), ROUNDED, self.doubts.sizes)

    @cached_property
    def _runs(self) -> tuple[Run, Run, Run, Run] | None:
        doubts, rounding = self.doubts, self.doubts.quartet.using(replace(self.oracles, rounded=True))
        try:
            t64, j64 = self.exact or doubts.by(self.oracles)
            # A reference on record cannot be run again: then the port's rounding alone is measured.
            t46 = t64 if rounding.on_record else rounding.oracle_reference(doubts.entering, doubts.what)
            return t46, rounding.oracle_port(doubts.entering, doubts.what, doubts.t), t64, j64
        except SideError as error:
            swallowed(error)
            return None


def by_rounding_measured(rounded: Rounded, judged: Judgements) -> Judgements:
    """Of what is still a mismatch, the quantities whose gap float64's own rounding explains: ``match``.

    Both oracles are run once more with every result rounded to 46 bits, and stand where the working precision stood:
    the same judgement, over 7 bits instead of 29. What is allowed is then what was measured so near to float64.
    """
    again = rounded.judged({name: judgement for name, judgement in judged.items() if may_be_unresolved(judgement)})
    return {
        name: replace(judged[name], verdict=Verdict.MATCH, gap=one.gap, allowed=one.allowed, reason=MEASURED)
        for name, one in again.items()
        if one.verdict is Verdict.MATCH
    }


def by_rounding_beneath(rounded: Rounded, judged: Judgements) -> Judgements:
    """Of what matches where both sides round below the working precision, all judged by what float64 itself rounds.

    There the runs at the working precision err as bfloat16 does, and the oracles, in which it is raised, do not: what
    is derived from these errors is 2^16 times what is left to explain, and excuses as much.
    """
    lowering = rounded.doubts.quartet.lowering
    if lowering is None or not lowering.both:
        return {}
    matching = {name: one for name, one in judged.items() if one.verdict is Verdict.MATCH and one.allowed > 0}
    again = {}
    for name, one in rounded.judged(matching).items():
        told = replace(judged[name], gap=one.gap, allowed=min(one.allowed, judged[name].allowed))
        again[name] = told if one.gap <= told.allowed else replace(told, verdict=Verdict.MISMATCH, reason=BENEATH)
    return again


def may_be_unresolved(judgement: Judgement) -> bool:
    """Whether rounding in float64 can explain a gap at all: it leaves no more than the working precision's."""
    errors = max(judgement.error_reference, judgement.error_port, judgement.quiet)
    return judgement.verdict is Verdict.MISMATCH and judgement.gap <= RESOLVED * errors
