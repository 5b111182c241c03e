"""Bounds that the reference does not take are refused: with them no probe that redraws integers could be judged."""

import re

import numpy as np
import pytest
import torch
from flax import linen

from compare.api import verify
from compare.arrays.batch import Batch
from compare.errors import UsageError

USERS_MODELS = True
INDICES = np.array([[0, 1, 2], [3, 4, 5]])
X = np.ones((2, 4), np.float32)


class Rows(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.rows = torch.nn.Embedding(7, 3)

    def forward(self, indices):
        return self.rows(indices)


class LinenRows(linen.Module):
    @linen.compact
    def __call__(self, indices):
        return linen.Embed(7, 3, name="rows")(indices)


def of(bound):
    return Batch.of(INDICES, bounds={"input0": bound})


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize("bound", [(0, 8), (-8, 7), (0, 50)])
def test_bounds_wider_than_an_embedding_are_refused(bound, quick):
    """By one row as by many: the ends are what is tried, and no draw decides. Without probes too: a pair that passes
    quickly is not refused later."""
    with pytest.raises(UsageError) as raised:
        verify(Rows(), LinenRows(), of(bound), device="cpu", quick=quick)
    text = str(raised.value)
    assert f"the bounds of input0: the reference does not take every value of {bound}: IndexError in rows" in text
    assert "give the half-open range of those that it takes" in text


@pytest.mark.parametrize("bound", [(-8, 7), (0, 8)])
def test_a_single_index_is_tried_at_both_ends(bound):
    """It has room for one at a time."""
    batch = Batch.of(np.array([[3]]), bounds={"input0": bound})
    with pytest.raises(UsageError, match=re.escape(f"does not take every value of {bound}: IndexError in rows")):
        verify(Rows(), LinenRows(), batch, device="cpu")


def test_bounds_that_fit_are_probed():
    report = verify(Rows(), LinenRows(), of((0, 7)), device="cpu")
    assert report.verdict == "match"
    assert report.result.coverage.skipped == {}


def test_labels_beyond_the_classes_are_refused_too():
    """The loss is the reference's as well."""
    batch = Batch.of(X, np.array([0, 2]), bounds={"targets": (0, 4)})

    def port_loss(outputs, labels):
        return -linen.log_softmax(outputs)[np.arange(2), labels].mean()

    losses = (torch.nn.functional.cross_entropy, port_loss)
    with pytest.raises(UsageError, match=r"the bounds of targets: .*\(0, 4\): IndexError: Target 3 is out of bounds"):
        verify(torch.nn.Linear(4, 3), linen.Dense(3), batch, losses, device="cpu")


class Picky(Rows):
    def forward(self, indices):
        if not np.array_equal(indices.cpu(), INDICES):
            raise ValueError("no others, please")
        return super().forward(indices)


def test_what_a_reference_refuses_for_other_reasons_is_skipped_and_listed():
    """It may be a condition that no range says."""
    report = verify(Picky(), LinenRows(), of((0, 7)), device="cpu")
    assert report.verdict == "match"
    assert "no others, please" in report.result.coverage.skipped["redrawn"]
