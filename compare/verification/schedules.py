"""Two schedules as functions of the step, where no optimizer is run any more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from compare.arrays.arrays import rounded
from compare.sides.quartet import Quartet
from compare.sides.reference_rule import Ahead
from compare.verdict.thresholds import RULE_READ
from compare.verdict.verdict import Judgement, Verdict, judge
from compare.verification.rates import changes, is_scheduled, past_its_end, port_rates

UNREAD = "a schedule beyond step {:,}, since the port's could not be read"


@dataclass(frozen=True)
class Beyond:
    """What was seen of the schedules beyond the steps that were run.

    Attributes:
        steps: the step up to which they were compared; 0 where they were not.
        not_seen: what was not, in sentences.
    """

    steps: int = 0
    judgement: Judgement | None = None
    not_seen: tuple[str, ...] = ()


def compare_schedules(
    quartet: Quartet, port: object, ahead: Ahead, names: Sequence[str], trained: Sequence[str], run: int
) -> Beyond:
    """The learning rates of a port's optax transformation held against the reference's.

    Args:
        names: the reference's parameters, in the order of its rates; trained: those that are compared.
        run: how many steps both optimizers have made, with updates that match: over them the rates read of the port
            have to be the reference's, else they are not what its steps were made with.
    """
    theirs = ahead.rates
    if theirs is None or len(theirs) <= run or not (ahead.scheduled or changes(theirs) or is_scheduled(port)):
        return Beyond()
    unread = Beyond(not_seen=(UNREAD.format(run),)) if changes(theirs) or ahead.scheduled else Beyond()
    if (read := port_rates(port, quartet.prepared, names)) is None:
        return unread
    columns = [place for place, name in enumerate(names) if name in trained]
    theirs, at = theirs[:, columns], np.arange(len(theirs))
    ours, exact = (read.at(at, exact)[:, columns] for exact in (False, True))
    tiny = RULE_READ * float(theirs[:run].max())
    if not np.allclose(exact[:run], theirs[:run], rtol=RULE_READ, atol=RULE_READ * tiny):
        return unread
    end = past_its_end(theirs)
    for stop in (len(theirs), *([end] if end is not None and end > run else [])):
        part = slice(run, stop)
        working = rounded(theirs[part], quartet.precision).astype(np.float64)
        judgement = judge(working, ours[part], theirs[part], exact[part], quartet.precision)
        if judgement.verdict is Verdict.MATCH:
            return Beyond(stop, judgement)
    gaps = np.abs(theirs - exact)[part].max(1)
    step = run + 1 + int(np.argmax(gaps > judgement.allowed / len(gaps) ** 0.5))
    reason = f"the schedules differ from step {step:,} on"
    return Beyond(stop, replace(judgement, verdict=Verdict.MISMATCH, reason=judgement.reason or reason))
