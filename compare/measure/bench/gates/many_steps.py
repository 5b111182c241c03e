"""Agreement again after many more steps than the judge looks at, at both precisions."""

import numpy as np

from compare.measure.bench.agreement import agreement
from compare.measure.bench.gates.observation import Observed
from compare.verdict.precision import Precision
from compare.verdict.verdict import PASSED, Verdict, judge

FAR = 64.0  # times eager's own distance from float64, which training amplifies in both alike,
SEEN = 2.0**-6  # where it is more than so much of the change,
ABOVE = 2.0**-20  # and of the parameter


def many_steps(row: Observed, plain: Observed, precision: Precision) -> str:
    """The parameters have changed as the plain step changes them: in float64 by the judge's rule; and what is timed,
    at the working precision, has gone where float64 goes."""
    if row.steps != plain.steps:
        return f"many steps: expected {plain.steps} steps, as {plain.name} made, got {row.steps}"
    agrees = agreement((plain.change, row.change, plain.change_64, row.change_64), precision)
    for name, expected in plain.change_64.items():
        own, own_64, eager = row.change[name], row.change_64[name], plain.change[name]
        judged = judge(eager, own, expected, own_64, precision)
        if judged.verdict is not Verdict.MATCH and agrees not in PASSED:
            return (
                f"many steps: expected {name} to have changed by {_size(expected):.6e} after {row.steps} steps, as in "
                f"{plain.name}, got {_size(own_64):.6e} in float64, a gap of {judged.gap:.1e} where "
                f"{judged.allowed:.1e} is allowed"
            )
        far, eager_far = _size(own - expected), _size(eager - expected)
        least = max(FAR * eager_far, SEEN * _size(expected), ABOVE * _size(row.start[name]))
        if not far <= least:
            return (
                f"many steps: expected {name} within {least:.1e} of where float64 takes it in {row.steps} steps, got "
                f"{far:.1e}; {plain.name} is at {eager_far:.1e}"
            )
    return ""


def restarts(row: Observed, plain: Observed) -> str:
    """After ``restart()`` the first call goes where the first call went: every block of the clock starts alike."""
    for name, off in row.again.items():
        moved = _size(row.first[name])
        allowed = SEEN * moved + ABOVE * _size(row.start[name])
        if not _size(off) <= allowed:
            return (
                f"restart: expected {name} to change by {moved:.3e} in the first call after restart(), as at the "
                f"start, got another change, {_size(off):.1e} away"
            )
    return ""


def _size(array: np.ndarray) -> float:
    return float(np.linalg.norm(array))
