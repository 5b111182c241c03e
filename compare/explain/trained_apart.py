"""What is one array in the reference and several in the port: each has its own gradient there, and training parts them.

Forward and backward the two are one function, since the sum of the gradients is the reference's. In training steps they
are not. Whether that is all, the port tells, with the sum given to each.
"""

from compare.explain.doctor.diagnosis import Cause
from compare.explain.locate.difference import relative_gap
from compare.explain.locate.introduced import differs
from compare.pair.pair import Entering
from compare.sides.context import Context
from compare.sides.judging import Judged, judge_port
from compare.sides.quartet import Quartet
from compare.sides.side import STEPS

SETTING = "tied"


def trained_apart(quartet: Quartet, entering: Entering, steps: Judged) -> tuple[Cause, Quartet, Judged] | None:
    """The cause, and the pair with its tied arrays trained as one, with the judgement on its steps; None where the port
    holds nothing twice, or that is no cause.

    Args:
        steps: the judgements on the training steps, of which at least one differs.
    """
    entries = quartet.prepared.weight_map.entries
    tied = [entry for entry in entries if entry.tied]
    if not tied or steps.reference is None:
        return None
    other = quartet.with_other("port", trained_as_one=True)
    exact = None if steps.no_oracle else steps.exact
    judged = judge_port(other, entering, STEPS, steps.reference, exact, steps.no_oracle, Context(steps.oracles))
    before, after = (
        max((relative_gap(one)[0] for one in run.judgements.values() if differs(one)), default=0.0)
        for run in (steps, judged)
    )
    if not after < before:
        return None
    first = next(entry.port for entry in entries if entry.reference == tied[0].reference and not entry.tied)
    every = [first, *(entry.port for entry in tied if entry.reference == tied[0].reference)]
    closed = "all that differs agrees" if not after else f"the gap falls from {before:.1e} to {after:.1e}"
    text = (
        f"{', '.join(every[:-1])} and {every[-1]} are one array in the reference, {tied[0].reference}, and the port's "
        f"optimizer steps each by its own gradient; where each is given their sum, {closed}"
    )
    return Cause(SETTING, "one array", f"{len(every)} arrays", text, "read", before, after, None, True), other, judged
