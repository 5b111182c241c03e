"""Whether a row changes the parameters as torch eager does: by the judge, and where it holds something in float32 even
in its float64 run, as attention and norms of many models do, to float32."""

import numpy as np

from compare.arrays.arrays import Arrays
from compare.verdict.precision import Precision
from compare.verdict.verdict import PASSED, Verdict, judge, worst

# Torch eager's and the row's, each at the working precision and in float64.
Four = tuple[Arrays, Arrays, Arrays, Arrays]


def agreement(changes: Four, precision: Precision) -> Verdict:
    """The worst parameter's verdict. Where that is a mismatch, all of them are judged as one: a parameter whose
    gradient is zero on paper holds nothing but rounding, and float32's is no smaller for it. Within float32's own
    rounding of the whole step a row is ``float32_only``: the same step, for a clock."""
    t, j, t64, j64 = changes
    found = worst([judge(t[name], j[name], t64[name], j64[name], precision).verdict for name in t])
    if found is not Verdict.MISMATCH:
        return found
    whole = judge(_one(t), _one(j), _one(t64), _one(j64), precision)
    return Verdict.FLOAT32_ONLY if whole.verdict in PASSED else found


def _one(arrays: Arrays) -> np.ndarray:
    return np.concatenate([arrays[name].ravel() for name in sorted(arrays)])
