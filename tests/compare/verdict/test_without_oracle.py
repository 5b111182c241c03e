"""Where a model cannot run in float64: four deviations are allowed, and nothing is better than ``float32_only``."""

import numpy as np
import pytest

from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Verdict
from compare.verdict.without_oracle import deviation, judge_without_oracle

ONES = np.ones(4, np.float32)


@pytest.mark.parametrize("errors", [(1e-4, 0.0), (0.0, 1e-4)], ids=["reference", "port"])
def test_four_times_the_larger_deviation_is_allowed(errors):
    """Of either side, and no more."""
    for gap, verdict in ((3.9e-4, Verdict.FLOAT32_ONLY), (4.1e-4, Verdict.MISMATCH)):
        port = ONES + np.float32([gap, 0, 0, 0])
        judged = judge_without_oracle(ONES, port, *errors, FLOAT32)
        assert judged.verdict is verdict
        assert judged.allowed == pytest.approx(4e-4)
        assert judged.worst is not None
        assert judged.worst.index == (0,)


def test_without_a_deviation_the_formats_own_rounding_is_allowed():
    """Four units of the size."""
    for ulps, verdict in ((2, Verdict.FLOAT32_ONLY), (20, Verdict.MISMATCH)):
        port = ONES + np.float32(ulps * 2.0**-23)
        assert judge_without_oracle(ONES, port, 0.0, 0.0, FLOAT32).verdict is verdict


def test_structures_are_held_against_each_other_first():
    assert judge_without_oracle(ONES, ONES[:3], 1.0, 1.0, FLOAT32).verdict is Verdict.INVALID
    assert judge_without_oracle(ONES, ONES.astype(int), 1.0, 1.0, FLOAT32).verdict is Verdict.INVALID
    assert judge_without_oracle(ONES, ONES * np.float32(np.nan), 1.0, 1.0, FLOAT32).verdict is Verdict.INVALID


def test_equal_integers_are_float32_only_and_others_a_mismatch():
    """Nothing else says that they are the same in float64."""
    ids = np.arange(4)
    assert judge_without_oracle(ids, ids, 0.0, 0.0, FLOAT32).verdict is Verdict.FLOAT32_ONLY
    assert judge_without_oracle(ids, ids + 1, 9.0, 9.0, FLOAT32).verdict is Verdict.MISMATCH


def test_integers_are_judged_in_float64_where_both_have_it():
    """What flips at the working precision alone is a notice."""
    ids = np.arange(4)
    flipped = judge_without_oracle(ids, ids[::-1], 0.0, 0.0, FLOAT32, (ids, ids))
    assert (flipped.verdict, "near-ties" in flipped.reason) == (Verdict.FLOAT32_ONLY, True)
    assert judge_without_oracle(ids, ids[::-1], 0.0, 0.0, FLOAT32, (ids, ids + 1)).verdict is Verdict.MISMATCH
    assert judge_without_oracle(ids, ids, 0.0, 0.0, FLOAT32, (ids, ids + 1)).verdict is Verdict.FLOAT32_ONLY


def test_a_size_counts_as_at_least_the_ordinary_one():
    """What a saturated probe leaves is below it."""
    port = ONES + np.float32(1e-3)
    assert judge_without_oracle(ONES, port, 0.0, 0.0, FLOAT32).verdict is Verdict.MISMATCH
    judged = judge_without_oracle(ONES, port, 0.0, 0.0, FLOAT32, ordinary=1e5)
    assert judged.verdict is Verdict.FLOAT32_ONLY
    assert judged.detection_limit == pytest.approx(4e5 * 2.0**-24 / 2)


def test_a_deviation_runs_over_the_entries_of_the_gap():
    """Neither over fills nor over what is not finite on any side."""
    own = np.array([1.0, 2.0, 3.0, -1e9, np.inf, 1.0])
    again = own + np.array([0.3, 0.0, 0.4, 64.0, 0.0, np.nan])
    other = np.array([1.0, 2.0, 3.0, -1e9, np.inf, 1.0])
    assert deviation(own, again, other) == pytest.approx(0.5)
    other[3] = -1e9 + 128  # the two sides differ there: it is no fill
    assert deviation(own, again, other) == pytest.approx(64.0, rel=1e-4)
    other[0] = np.nan
    assert deviation(own, again, other) == pytest.approx(64.0, rel=1e-4)
    assert deviation(own[:3], again[:3]) == pytest.approx(0.5)
    assert deviation(own[:0], again[:0], other[:0]) == 0.0
    assert deviation(np.array([1 + 2j]), np.array([1.3 + 2.4j]), np.array([1 + 2j])) == pytest.approx(0.5)
