"""A step that one side alone skips: what any order of adding could meet, and what none does."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from compare.measure.overflow import LARGEST, gradient_sums, judge_skip
from compare.verdict.thresholds import AT_EDGE
from compare.verdict.verdict import Verdict


def test_rows_that_cancel_are_in_the_larger_sum_alone():
    """Of two rows whose gradients are opposite: nothing is left of them, and each was there. The model stays."""
    model = torch.nn.Linear(1, 2, bias=False)
    torch.nn.init.zeros_(model.weight)
    images, labels = np.array([[1.0], [3.0], [-2.0]], np.float32), np.array([0, 1, 1], np.int32)
    found = gradient_sums(SimpleNamespace(model=model, device="cpu"), {"weight": np.zeros((2, 1))}, images, labels)
    assert found == pytest.approx((0.0, 1.0))  # of each row half its image over three rows, by its label up or down
    assert model.weight.dtype is torch.float32


@pytest.mark.parametrize(
    ("skips", "least", "most", "why"),
    [
        (True, 0.7, 3.3, ""),
        (False, 0.99, 3.5, ""),
        (True, 0.001, 1.01 / AT_EDGE, ""),
        (True, 0.001, 0.01, "the port skips the step, and no sum of its gradients can come to more than 0.01 times"),
        (False, 100.0, 200.0, "the port takes the step, and its gradient is 1e+02 times float16's largest number"),
        (False, np.inf, np.inf, "the port takes the step, and its gradient is inf times"),
    ],
)
def test_what_the_order_of_adding_decides_is_a_match(skips, least, most, why):
    """And what it does not is said."""
    found = judge_skip(skips, 8.0, (LARGEST * least / 8, LARGEST * most / 8))
    assert found.verdict is (Verdict.MISMATCH if why else Verdict.MATCH)
    assert found.reason.startswith(why)
