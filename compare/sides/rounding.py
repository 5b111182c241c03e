"""What rounding does in float64 itself, measured there: the last word on a gap that the working precision cannot size.

The verdict takes rounding in float64 for the working precision's, only smaller. That is so where a quantity's error
grows with the unit roundoff. It is not where the working precision stands still: beyond 9, tanh is 1 in float32 and
1 - tanh**2 is exactly 0, without an error; up to 19 float64 still resolves it, as a cancellation that leaves a few
units of its own last place, times whatever multiplies the gradient there.
"""

from dataclasses import replace

from compare.errors import swallowed
from compare.sides.context import Oracles
from compare.sides.doubts import Doubts, Judgements
from compare.sides.quantities import judge_together
from compare.sides.side import Run, SideError
from compare.verdict.precision import ROUNDED
from compare.verdict.thresholds import RESOLVED
from compare.verdict.verdict import Judgement, Verdict

MEASURED = "rounding measured in float64: the working precision does not resolve it"


def by_rounding_measured(
    doubts: Doubts, oracles: Oracles, exact: tuple[Run, Run] | None, judged: Judgements
) -> Judgements:
    """Of what is still a mismatch, the quantities whose gap float64's own rounding explains: ``match``.

    Both oracles are run once more with every result rounded to 46 bits, and stand where the working precision stood:
    the same judgement, over 7 bits instead of 29. What is allowed is then what was measured so near to float64.

    Args:
        oracles: those that the last word was spoken by.
        exact: both sides' runs by these; None: they are run again.
    """
    names = {name: judgement for name, judgement in judged.items() if may_be_unresolved(judgement)}
    if not names:
        return {}
    rounding = doubts.quartet.using(replace(oracles, rounded=True))
    try:
        t64, j64 = exact or doubts.by(oracles)
        # A reference on record cannot be run again: then the port's rounding alone is measured.
        t46 = t64 if rounding.on_record else rounding.oracle_reference(doubts.entering, doubts.what)
        j46 = rounding.oracle_port(doubts.entering, doubts.what, doubts.t)
    except SideError as error:  # what is known stays
        swallowed(error)
        return {}
    of_t46, of_j46, of_t64, of_j64 = ({name: run[name] for name in names} for run in (t46, j46, t64, j64))
    again = judge_together((of_t46, of_j46, of_t64, of_j64), ROUNDED, doubts.sizes)
    return {
        name: replace(judged[name], verdict=Verdict.MATCH, gap=one.gap, allowed=one.allowed, reason=MEASURED)
        for name, one in again.items()
        if one.verdict is Verdict.MATCH
    }


def may_be_unresolved(judgement: Judgement) -> bool:
    """Whether rounding in float64 can explain a gap at all: it leaves no more than the working precision's."""
    errors = max(judgement.error_reference, judgement.error_port, judgement.quiet)
    return judgement.verdict is Verdict.MISMATCH and judgement.gap <= RESOLVED * errors
