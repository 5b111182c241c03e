"""Where a short float32 trajectory lies within the reference's own noise: shown, never judged.

The noise envelope is the reference against itself with the rows of every batch permuted, which is the same function in
another order of summation. Where a permutation would change the function (a random cotangent or a dropout mask belongs
to its row), the inputs are moved by one unit in the last place instead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from compare.arrays.several import each
from compare.pair.pair import Entering
from compare.sides.nearby import nudged
from compare.sides.quartet import Quartet
from compare.sides.side import STEPS, Result, Run


@dataclass(frozen=True)
class Envelope:
    """Distances of the parameters' whole change over ``steps`` steps, relative to its size (2-norms).

    Attributes:
        drift: the port from the reference, both at the working precision.
        noise: the reference from itself, ``by`` what it was disturbed.
    """

    steps: int
    drift: float
    noise: float
    by: str


def envelope(quartet: Quartet, entering: Entering, t: Result, j: Run) -> Envelope:
    """The drift of the port's steps ``j`` from the reference's ``t``, and the reference's own noise.

    Raises:
        SideError: the reference raises on what is disturbed.
    """
    rng = np.random.default_rng(entering.seed)
    permuted = quartet.pair.loss is not None and not t.dropouts and entering.batches[0].rows > 1
    if permuted:
        batches = each(lambda batch: batch.taking(rng.permutation(batch.rows)), entering.batches)
        disturbed, by = replace(entering, batches=batches), "rows permuted"
    else:
        disturbed, by = nudged(entering, rng, quartet.precision), "moved by one unit in the last place"
    again = quartet.working_reference(disturbed, STEPS)
    own = _whole_change(t)
    return Envelope(len(entering.batches), _apart(_whole_change(j), own), _apart(_whole_change(again), own), by)


def _whole_change(run: Run) -> dict[str, np.ndarray]:
    """The sum of a parameter's updates, by name."""
    whole: dict[str, np.ndarray] = {}
    for name in run:
        _, found, parameter = name.partition("update/")
        if found:
            whole[parameter] = whole.get(parameter, 0.0) + run[name]
    return whole


def _apart(left: Mapping[str, np.ndarray], right: Mapping[str, np.ndarray]) -> float:
    gap = sum(float(np.sum(np.square(np.abs(left[name] - right[name])))) for name in right if name in left)
    size = sum(float(np.sum(np.square(np.abs(array)))) for array in right.values())
    return float(np.sqrt(gap / size)) if size else 0.0
