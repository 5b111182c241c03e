"""Pairs of another size."""

from dataclasses import replace

import pytest

from compare.errors import UsageError
from compare.measure.bench.sizes import perceptron, with_optimizers
from compare.pair.prepare import prepare
from tests.compare.measure.bench.small import regularized


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
