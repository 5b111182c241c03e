"""What is accepted is no cause of what differs elsewhere: inside, the reference is asked with it at a neutral value."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen

from compare import Pair, verify
from compare.explain.accepted_aside import _alike, accepted_aside
from compare.explain.explain import _said_of_accepted
from compare.frameworks import devices
from compare.verdict.precision import FLOAT32
from compare.verification.verification import Plan, Session

X = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)


class Reference(torch.nn.Module):
    """A key's bias does nothing whatever it is, ``gain`` where it is 1, ``shift`` in no case but its own."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.q, self.k, self.o = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4), torch.nn.Linear(4, 2)
        self.gain, self.shift = torch.nn.Parameter(torch.ones(4)), torch.nn.Parameter(torch.full((4,), 0.5))

    def forward(self, x):
        return self.o(torch.softmax(self.q(x) @ self.k(x).mT, -1) @ x * self.gain + self.shift)


class Port(linen.Module):
    scale: float = 1.0

    @linen.compact
    def __call__(self, x):
        q, k = linen.Dense(4, name="q")(x), linen.Dense(4, name="k", use_bias=False)(x)
        weights = jax.nn.softmax(self.scale * q @ k.swapaxes(-1, -2), -1)
        return linen.Dense(2, name="o")(weights @ x + jnp.asarray(0.5, x.dtype))


ACCEPT = ("k.bias", "gain", "shift")


def test_a_neutral_value_is_found_for_each():
    session = Session(Pair(Reference(), Port(), X, accept=ACCEPT), devices.choose("cpu"), FLOAT32, Plan(quick=True))
    quartet, entering = session.quartet, session.entering()
    aside = accepted_aside(quartet, entering, None, exact=True)
    assert (aside.doing, aside.untried) == (("shift",), ())
    own, found = quartet.prepared.reference.state(), aside.quartet.prepared.reference.state()
    assert not np.array_equal(own["k.bias"], np.zeros(4))
    np.testing.assert_array_equal(found["k.bias"], np.zeros(4))
    for name in ("gain", "shift", "q.bias"):
        np.testing.assert_array_equal(found[name], own[name])


def test_what_is_not_tried_is_told(monkeypatch):
    """Past so many names none is said to do something, and none is left out."""
    monkeypatch.setattr("compare.explain.accepted_aside.TRIED_ALONE", 1)
    session = Session(Pair(Reference(), Port(), X, accept=ACCEPT), devices.choose("cpu"), FLOAT32, Plan(quick=True))
    names = session.quartet.prepared.accepted
    aside = accepted_aside(session.quartet, session.entering(), None, exact=True)
    assert {*aside.doing} <= {names[0]}
    assert aside.untried == tuple(names[1:])
    assert len(aside.untried) == 2
    assert f"not tried without: {names[1]}, {names[2]}" in _said_of_accepted(aside)[-1]


A = np.array([1.0, 2.0, -np.inf, np.nan])
PAIRED = {
    "floats": (A, A + 1e-12, True),
    "other floats": (A, A + 1e-3, False),
    "not finite elsewhere": (A, A[::-1], False),
    "of another sign": (A, np.where(np.isinf(A), np.inf, A), False),
    "masks": (A > 1, A > 1, True),
    "other masks": (A > 1, A < 1, False),
    "integers": (np.arange(3), np.arange(3), True),
    "other shapes": (np.ones(3), np.ones((2, 3)), False),
}


@pytest.mark.parametrize(("own", "other", "alike"), PAIRED.values(), ids=PAIRED)
def test_outputs_of_every_kind_are_held_against_each_other(own, other, alike):
    """A mask that comes out, and a score that a mask has filled."""
    assert _alike({"output": own}, {"output": other}, 1e-9) is alike


def test_without_any_nothing_is_run():
    session = Session(Pair(torch.nn.Linear(4, 2), linen.Dense(2), X), devices.choose("cpu"), FLOAT32, Plan(quick=True))
    assert accepted_aside(session.quartet, session.entering(), None, exact=True) == (session.quartet, (), (), ())
    assert session.quartet.sides == {}


@pytest.mark.usefixtures("cpu")
def test_a_fault_elsewhere_is_named_and_not_what_is_accepted():
    found = verify(Reference(), Port(2.0), X, accept=ACCEPT, quick=True, progress=False)
    assert found.verdict == "mismatch"
    assert "k" not in {cause["where"] for cause in found.form["pairs"][0]["causes"]}
    assert "accepted, and the reference returns something else without: shift" in str(found)
    assert "2" in found.answer


class Keyless(torch.nn.Module):
    """No bias of the keys."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.q, self.k, self.o = torch.nn.Linear(4, 4), torch.nn.Linear(4, 4, bias=False), torch.nn.Linear(4, 2)

    def forward(self, x):
        return self.o(torch.softmax(self.q(x) @ self.k(x).mT, -1) @ x)


class Keyed(linen.Module):
    """A bias of the keys, which the softmax takes off again; and one after it, which nothing does."""

    scale: float = 1.0

    @linen.compact
    def __call__(self, x):
        q, k = linen.Dense(4, name="q")(x), linen.Dense(4, name="k")(x)
        weights = jax.nn.softmax(self.scale * q @ k.swapaxes(-1, -2), -1)
        shift = self.param("shift", linen.initializers.zeros, (2,))
        return linen.Dense(2, name="o")(weights @ x) + shift


def variables_of(shift):
    key = linen.initializers.normal()
    variables = Keyed().init(jax.random.key(0), X)
    variables["params"]["k"]["bias"] = key(jax.random.key(1), (4,))
    variables["params"]["shift"] = jnp.full(2, shift)
    return variables


@pytest.mark.usefixtures("cpu")
def test_what_the_port_alone_has_is_put_aside_as_well():
    """A trained bias that the softmax takes off moves every key, and is no cause of a scale."""
    accept = ("k/bias", "shift")
    found = verify(Keyless(), (Keyed(2.0), variables_of(0.0)), X, accept=accept, quick=True, progress=False)
    assert found.verdict == "mismatch"
    assert [cause["where"] for cause in found.form["pairs"][0]["causes"]] in ([], [""])
    assert "2" in found.answer
    assert "returns something else without" not in str(found)


@pytest.mark.usefixtures("cpu")
def test_what_the_port_alone_has_and_does_something_is_told_of():
    found = verify(Keyless(), (Keyed(), variables_of(3.0)), X, accept=("k/bias", "shift"), quick=True, progress=False)
    assert "accepted, and the port returns something else without: params/shift" in str(found)
