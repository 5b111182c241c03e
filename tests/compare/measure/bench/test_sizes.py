"""Pairs of another size."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from compare.errors import UsageError
from compare.measure.bench.sizes import in_training, perceptron
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from tests.compare.measure.bench.small import regularized


def test_a_pair_without_optimizers_steps_all_the_same():
    """By SGD on both sides; a pair's own are kept."""
    pair = in_training(replace(regularized(), optimizers=None))
    assert pair.training().hyper == {"learning_rate": 1e-2, "momentum": 0.9}
    assert pair.title == "trained by SGD with a momentum"
    own = regularized()
    assert in_training(own) is own


def test_a_pair_without_a_loss_is_trained_on_one_with_a_bound():
    """The mean square of all floating outputs, the same on both sides; and its title says what else it lacks."""
    outputs = {"a": np.array([[1.0, -2.0]], np.float32), "b": (np.array([3.0], np.float32), np.array([7]))}
    pair = in_training(Pair(torch.nn.Linear(2, 2), (lambda p, x: x, {}), np.zeros((2, 2)), title="two by two"))
    of_torch = pair.loss[0](torch.utils._pytree.tree_map(torch.from_numpy, outputs))
    assert float(of_torch) == float(pair.loss[1](jax.tree.map(jnp.asarray, outputs))) == 2.5 + 9.0
    assert pair.title == (
        "two by two, trained on the mean square of its outputs by SGD with a momentum with rows of its one batch"
    )


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
