"""What later rooms take of a pair whose models have been brought together."""

import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx
from torch import nn

from compare.pair.pair import Pair
from compare.pair.prepare import prepare

X = np.ones((3, 2), np.float32)


class Normed(linen.Module):
    """A dense layer, dropout and running statistics."""

    @linen.compact
    def __call__(self, x, train: bool = False):
        x = linen.Dropout(0.5, deterministic=not train)(linen.Dense(2)(x))
        return linen.BatchNorm(use_running_average=not train)(x)


@pytest.fixture(scope="module")
def normed():
    return Pair(nn.Sequential(nn.Linear(2, 2), nn.Dropout(), nn.BatchNorm1d(2)), Normed(), X)


def test_the_modes_are_the_pairs_or_both(normed):
    """Where the reference comes for evaluation and the port knows no mode, that one alone."""
    assert prepare(normed).modes == (True, False)
    assert prepare(Pair(normed.reference, normed.port, X, modes=("eval",))).modes == (False,)
    alone = prepare(Pair(nn.Linear(2, 2), linen.Dense(2), X))
    assert alone.modes == (None,)
    assert not alone.evaluates_only


def test_what_a_step_leaves_still():
    """A parameter that the reference freezes."""
    frozen = nn.Linear(2, 2)
    frozen.bias.requires_grad_(False)
    assert prepare(Pair(frozen, linen.Dense(2), X)).frozen_leaves == {"params/bias"}


def test_what_enters_is_drawn_from_the_seed_alone(normed):
    """The same of it again, another of another."""
    ready = prepare(normed)
    one, again, other = (ready.enter(seed, 1).weights["2.weight"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_what_trains_in_the_reference_alone():
    """A plain array of an NNX module, which neither nnx.grad nor nnx.Optimizer sees."""

    class Scaled(nnx.Module):
        def __init__(self):
            self.kernel, self.bias = nnx.Param(jnp.eye(2)), jnp.zeros(2)

        def __call__(self, x):
            return x @ self.kernel + self.bias

    assert prepare(Pair(nn.Linear(2, 2), Scaled(), X)).untrained == {"bias": "array/bias"}
    frozen = nn.Linear(2, 2)
    frozen.bias.requires_grad_(False)
    assert prepare(Pair(frozen, Scaled(), X)).untrained == {}
