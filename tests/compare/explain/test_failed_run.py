"""A run in which something differs."""

import numpy as np

from compare.arrays.batch import Batch
from compare.explain.failed_run import FailedRun
from compare.pair.pair import Entering
from compare.sides.judging import Judged


def test_a_cause_can_be_proven_where_both_ran_in_float64():
    """Of what was not judged nothing speaks against it."""
    entering = Entering({}, (Batch({"x": np.ones(1)}),), 1.0, {})
    assert FailedRun("batch", None, entering).exact
    assert not FailedRun("batch", None, entering, Judged({}, no_oracle="the port raised")).exact
