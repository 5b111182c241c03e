"""Whether a change makes a section the port's: forward and backward, on the draw where it was found and on another."""

from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen
from torch import nn

from compare import verify
from compare.arrays.batch import Batch
from compare.explain.calls.change import Change
from compare.explain.explain import explain
from compare.explain.locate.introduced import by_place
from compare.explain.proof import Proof, gradients
from compare.pair.pair import Pair
from tests.compare.explain.locate.models import X, looked, looked_into, seeded

USERS_MODELS = True
EPSILON = Change(attributes={("norm", "eps"): 1e-6})


def times(factor):
    return lambda func, args, kwargs: func(*args, **kwargs) * factor


def test_the_ports_own_setting_closes_the_section():
    """At both draws, the second with one row more; another value does not."""
    seen = looked("a norm's epsilon")
    (group,) = by_place(seen.found)
    proof = Proof(seen)
    assert proof.closes(group, EPSILON)
    assert proof._others[0].sections.entering.batches[0].rows == len(X) + 1
    assert 1 not in proof._others
    assert not proof.closes(group, Change(attributes={("norm", "eps"): 1.1e-6}))
    assert not proof.closes(group, Change())


def test_another_fault_of_the_pair_does_not_matter():
    """The section is run alone: what is wrong before it and behind it does not enter."""
    seen = looked("two layers")
    at = next(group for group in by_place(seen.found) if group[0].owner == "norm")
    assert Proof(seen).closes(at, EPSILON)


@pytest.mark.parametrize("name", ["a layer's gradient", "a residual's gradient", "the second block's gradient"])
def test_a_gradients_section_is_all_that_its_layer_makes(name):
    """Nothing is closed by no change; and it is, where the port has no fault there."""
    seen = looked(name)
    (group, *_) = by_place(seen.found)
    assert not Proof(seen).closes(group, Change())


class Scored(nn.Module):
    """A scalar of everything."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, x):
        return self.layer(x).pow(2).mean()


class ScoredLinen(linen.Module):
    """Another function of the same."""

    @linen.compact
    def __call__(self, x):
        return jnp.abs(linen.Dense(3, name="layer")(x)).mean()


def test_of_one_number_a_multiple_proves_nothing():
    """A factor closes any gap of a scalar, and no gradient's; it is not said, being a number that nobody writes."""
    seen = looked_into(Pair(seeded(Scored), ScoredLinen(), X))
    group = next(group for group in by_place(seen.found) if group[0].owner == "")
    ratio = float(seen.sections.port_ends["output"] / seen.sections.reference_ends["output"])
    last = seen.sections.calls[-1].number
    assert not Proof(seen).closes(group, Change(calls={last: times(ratio)}))
    made = explain(seen)
    assert not [named for named in made.causes if named.cause.setting == "scale"]


class EightRows(linen.Module):
    """A sum over the rows, each divided by the number of another batch's."""

    divisor: float = 8.0

    @linen.compact
    def __call__(self, x):
        return linen.Dense(3, name="layer")(x).sum(0) / self.divisor


class Mean(Scored):
    def forward(self, x):
        return self.layer(x).mean(0)


def test_a_number_of_rows_is_no_factor():
    """A sum over ten rows divided by eight is 1.25 of the mean on this batch alone."""
    rows = np.random.default_rng(0).standard_normal((10, 6)).astype(np.float32)
    found = verify(Pair(seeded(Mean), EightRows(), lambda rng: Batch.of(rows)), device="cpu", quick=True)
    assert not [cause for cause in found.causes if cause["certain"] and cause["setting"] == "scale"]


def test_a_change_that_knows_how_many_rows_there_are_is_proven_on_as_many():
    """It raises where there is one more, which says nothing of the port."""

    def of_these_rows(func, args, kwargs):
        assert len(args[0]) == len(X)
        return func(*args, **kwargs | {"eps": 1e-6}) if "eps" in kwargs else func(*args[:4], 1e-6)

    seen = looked("a norm's epsilon")
    (norm,) = (call for call in seen.codes[0].calls if call.name == "layer_norm")
    proof = Proof(seen)
    assert proof.closes(by_place(seen.found)[0], Change(calls={norm.number: of_these_rows}))
    assert proof._others[1].sections.entering.batches[0].rows == len(X)


def test_where_there_is_no_second_draw_nothing_is_proven(monkeypatch):
    """A pair that takes no other data."""
    seen = looked("a norm's epsilon")
    monkeypatch.setattr("compare.explain.proof.redrawn", lambda *_: None)
    assert not Proof(seen).closes(by_place(seen.found)[0], EPSILON)


def test_a_change_that_raises_proves_nothing():
    """It may ask of the user's code what it cannot do."""

    def raising(func, args, kwargs):
        raise ValueError

    seen = looked("a norm's epsilon")
    number = seen.codes[0].calls[0].number
    assert not Proof(seen).closes(by_place(seen.found)[0], Change(calls={number: raising}))


W = np.arange(9.0).reshape(3, 3)
G = np.random.default_rng(0).standard_normal((3, 3))
UNDONE = {
    "transposed": (Change(weights={"w": np.transpose}), {"grad/w": G.T, "grad/v": G}),
    "negated": (Change(weights={"w": np.negative}), {"grad/w": -G, "grad/v": G}),
    "zero": (Change(weights={"w": np.zeros_like}), {"grad/w": 0 * G, "grad/v": G}),
    "squared": (Change(weights={"w": partial(np.power, 2.0)}), {"grad/v": G}),
    "another's": (Change(others={"w": "v"}), {"grad/w": 0 * G, "grad/v": 2 * G}),
}


@pytest.mark.parametrize(("change", "expected"), UNDONE.values(), ids=UNDONE)
def test_gradients_are_those_of_what_entered(change, expected):
    """A linear change is undone on the way back; of another nothing is said."""
    made = gradients({"grad/w": G, "grad/v": G, "output": G}, change, {"w": W, "v": W})
    assert made.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(made[name], array)


def test_torch_is_cut_where_the_port_is():
    """With no change and sound sides a section of both agrees on the way there and back."""
    seen = looked("the second block")
    group = by_place(seen.found)[0]
    proof = Proof(seen)
    assert not proof.closes(group, Change())
    assert proof.closes(group, Change(attributes={(group[0].owner, "eps"): 1e-6}))
    assert torch.is_grad_enabled()
