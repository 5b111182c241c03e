"""Pairs with another number of rows."""

from dataclasses import replace

import numpy as np
import pytest

from compare.arrays.batch import Batch
from compare.pair.number_of_rows import with_rows
from compare.pair.pairs import find
from tests.compare.measure.bench.small import regularized


@pytest.mark.parametrize("rows", [1, 16, 40, 5000])
def test_any_pair_has_as_many_rows_as_asked_for(rows):
    """Fewer, as many, more than the recipe draws at once, and so many that they come again."""
    batch = with_rows(find("loose"), rows).draw(np.random.default_rng(0))
    assert batch.inputs["x"].shape == (rows, 20)
    assert batch.targets["y"].shape == (rows,)
    assert len(np.unique(batch.inputs["x"], axis=0)) == min(rows, len(np.unique(batch.inputs["x"], axis=0)))


def test_more_rows_are_other_rows():
    """Not the same few again, as long as the recipe has more."""
    batch = with_rows(find("loose"), 200).draw(np.random.default_rng(0))
    assert len(np.unique(batch.inputs["x"], axis=0)) == 200


def test_rows_and_targets_stay_together():
    """Row by row the image and its label of the pair's own batches."""
    pair = regularized()
    own = [pair.draw(rng) for rng in [np.random.default_rng(0)] for _ in range(3)]
    batch = with_rows(pair, 15).draw(np.random.default_rng(0))
    images = np.concatenate([one.inputs["images"] for one in own])[:15]
    labels = np.concatenate([one.targets["labels"] for one in own])[:15]
    np.testing.assert_array_equal(batch.inputs["images"], images)
    np.testing.assert_array_equal(batch.targets["labels"], labels)


def test_rows_of_a_pair_that_has_one_batch_are_drawn():
    """With repetition: the first of them would be the same in every batch."""
    inputs = np.arange(8.0, dtype=np.float32)[:, None].repeat(20, 1)
    pair = with_rows(replace(find("loose"), batch=Batch({"x": inputs}, {"labels": np.zeros(8, int)})), 4)
    rng = np.random.default_rng(0)
    assert len({pair.draw(rng).inputs["x"].tobytes() for _ in range(8)}) == 8
