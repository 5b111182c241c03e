"""Pairs of another size."""

from dataclasses import replace

import numpy as np
import pytest

from compare.errors import UsageError
from compare.measure.bench.sizes import perceptron, with_optimizers, with_rows
from compare.pair.pairs import find
from compare.pair.prepare import prepare
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


def test_a_pair_without_optimizers_steps_all_the_same():
    """By SGD on both sides; a pair's own are kept."""
    pair = replace(regularized(), optimizers=None)
    assert with_optimizers(pair).training().hyper == {"learning_rate": 1e-3, "momentum": 0.9}
    own = regularized()
    assert with_optimizers(own) is own


def test_the_perceptron_has_any_width_and_depth():
    """And more rows than there are images."""
    pair = perceptron(width=16, depth=3, rows=4500)
    prepared = prepare(pair)
    assert [shape for shape in prepared.shapes.values() if len(shape) == 2] == [(16, 784), (16, 16), (10, 16)]
    assert prepared.enter(0, 1).batches[0].rows == 4500


def test_of_its_own_size_it_is_the_project_s_pair():
    """With the twin in NNX that goes with it."""
    assert type(perceptron().port).__module__ == "jaxport.mlp"


@pytest.mark.parametrize("size", [{"width": 0}, {"depth": 1}, {"rows": 0}])
def test_a_size_that_is_none_is_refused(size):
    """In one line."""
    with pytest.raises(UsageError, match="expected width and rows from 1 and depth from 2"):
        perceptron(**size)
