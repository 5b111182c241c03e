"""Whether a change makes a section the port's: forward and backward, on the draw where it was found and on another."""

from dataclasses import replace
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
from compare.explain.locate.difference import BACKWARD
from compare.explain.locate.introduced import by_place
from compare.explain.proof import Closed, Proof, ends_of, gradients
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
    made = {how: draw for how, draw in proof._others.items() if draw is not None}
    assert [(how.whole, how.rows, how.lengths) for how in made] == [(True, True, False)]
    assert [draw.sections.entering.batches[0].rows for draw in made.values()] == [len(X) + 1]
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
    assert list(proof._others.values())[-1].sections.entering.batches[0].rows == len(X)


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


class OverSteps(nn.Module):
    """Half the mean over four steps."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, x):
        return 0.5 * self.layer(x).sum(1) / x.shape[1]


class LinenOverSteps(linen.Module):
    """Half the sum over the root of their number, or the mean itself."""

    whole: bool = False

    @linen.compact
    def __call__(self, x):
        z = linen.Dense(3, name="layer")(x).sum(1)
        return z / x.shape[1] if self.whole else 0.5 * z / x.shape[1] ** 0.5


@pytest.mark.parametrize("whole", [True, False])
def test_a_factor_that_is_a_length_is_none_of_the_codes(whole):
    """Twice as much of four steps is "not multiplied by 0.5"; with another number of steps it is not."""
    steps = np.random.default_rng(0).standard_normal((2, 4, 6)).astype(np.float32)
    made = explain(looked_into(Pair(seeded(OverSteps), LinenOverSteps(whole), steps)))
    assert [(named.cause.setting, named.cause.certain) for named in made.causes] == [("scale", whole)]


def test_where_the_difference_does_not_show_nothing_is_proven(monkeypatch):
    """A draw on which both sides agree as they are says nothing of a change."""
    seen = looked("a norm's epsilon")
    monkeypatch.setattr("compare.explain.proof.Draw.shows", lambda draw, one, under: False)
    assert not Proof(seen).closes(by_place(seen.found)[0], EPSILON)


def test_beside_what_is_known_only_what_it_leaves_open_shows():
    """The norm's epsilon leaves nothing: with it nothing is proven of anything beside it."""
    seen = looked("a norm's epsilon")
    (group,) = by_place(seen.found)
    proof = Proof(seen)
    assert proof.first.shows(group[0])
    assert not proof.first.shows(group[0], EPSILON)
    assert not proof.closes(group, EPSILON, EPSILON)


def test_what_shows_forward_need_not_show_on_the_way_back(monkeypatch):
    """Of two differences that end at the same cut each is asked itself."""
    seen = looked("a norm's epsilon")
    forward = seen.found[0]
    backward = replace(forward, direction=BACKWARD)
    monkeypatch.setattr(
        "compare.explain.proof.Draw.closes", lambda draw, one, change: Closed(one is backward, one is backward)
    )
    draw = Proof(seen).first
    assert ends_of(draw.sections, forward) == ends_of(draw.sections, backward)
    assert draw.shows(forward)
    assert not draw.shows(backward)


def test_other_calls_are_no_draw_of_the_same(monkeypatch):
    """A change names calls by their numbers: code that makes more of them for more rows has others."""
    seen = looked("a norm's epsilon")
    made = iter(range(1000))
    monkeypatch.setattr("compare.explain.proof._made_in", lambda calls: next(made))
    assert not Proof(seen).closes(by_place(seen.found)[0], EPSILON)


def test_statistics_are_a_section_of_their_own():
    """What a layer keeps, without what comes back."""
    seen = looked("a batch norm's momentum")
    (group,) = by_place(seen.found)
    assert not Proof(seen).closes(group, Change())
    assert Proof(seen).first.shows(group[0])


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
