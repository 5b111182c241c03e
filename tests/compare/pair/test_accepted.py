"""Parameters that one side alone has: accepted by name, kept as they are, listed; and judged by what they do."""

import ast
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import torch
from torch import nn

from compare.api import verify
from compare.errors import UsageError
from compare.pair.accepted import RUNNING_VARIANCE, check_accepted, matches, patterns
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.weights.entry import Entry
from compare.weights.mapping.complaints import LEFT_OUT
from compare.weights.weights import WeightMap
from tests.compare.weights.mapping.carry import normal

USERS_MODELS = True
X = normal(5, 4)


class Attention(nn.Module):
    """A key's bias shifts all scores of a row alike: it does nothing, whatever it is."""

    def __init__(self, bias: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.q, self.k, self.v = nn.Linear(4, 4), nn.Linear(4, 4, bias=bias), nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.q(x) @ self.k(x).T).softmax(-1) @ self.v(x)


class Used(Attention):
    """The same bias where it does something."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) + self.k.bias


def port(p, x):
    q, k, v = (x @ p[name]["w"] + p[name].get("b", 0) for name in "qkv")
    return jax.nn.softmax(q @ k.T) @ v


def leaves(bias):
    own = {name: {"w": jnp.ones((4, 4)), "b": jnp.zeros(4)} for name in "qkv"}
    return own if bias else {**own, "k": {"w": jnp.ones((4, 4))}}


def test_names_and_paths_match():
    assert patterns((RUNNING_VARIANCE, "a.*")) == ("a.*",)
    assert matches("layers.3.k.bias", ("layers.*.k.bias",))
    assert all(matches("params/k/b", (one,)) for one in ("k/b", "k.b", "params/k/b", "*b"))
    assert not matches("layers.3.q.bias", ("layers.*.k.bias", RUNNING_VARIANCE))


@pytest.mark.parametrize("side", ["reference", "port"])
def test_what_one_side_alone_has_is_refused_until_it_is_accepted(side):
    pair = Pair(Attention(side == "reference"), (port, leaves(side == "port")), X)
    name = "k.bias" if side == "reference" else "params/k/b"
    with pytest.raises(UsageError, match="has no counterpart") as refused:
        prepare(pair)
    assert str(refused.value).endswith(LEFT_OUT)
    ready = prepare(Pair(pair.reference, pair.port, X, accept=(name,)))
    assert ready.accepted == (name,)
    assert name not in (*ready.shapes, *ready.leaves, *ready.constants)


def test_it_is_listed_and_not_trained():
    """Adam would move what has a gradient of rounding errors alone by its learning rate."""
    train = (lambda p: torch.optim.Adam(p, 0.1), optax.adam(0.1))
    report = verify(
        Attention(), (port, leaves(False)), X, accept=("*.bias",), optimizers=train, quick=True, device="cpu"
    )
    assert report.verdict == "match"
    assert report.form["pairs"][0]["coverage"]["accepted"] == ["k.bias"]
    assert "accepted, on one side alone, with the value that it has: k.bias" in str(report)


def test_what_does_something_is_another_function():
    report = verify(
        Used(), (port, leaves(False)), X, accept=("k.bias",), quick=True, device="cpu", locate=False
    )  # fmt: skip
    assert report.verdict == "mismatch"


def test_a_map_by_hand_may_leave_it_out():
    lines = [Entry(f"{name}.weight", f"params/{name}/w") for name in "qkv"]
    lines += [Entry(f"{name}.bias", f"params/{name}/b") for name in "qv"]
    pair = Pair(Attention(), (port, leaves(False)), X, weight_map=WeightMap(lines), accept=("k.bias",))
    assert prepare(pair).accepted == ("k.bias",)


def test_a_name_that_accepts_nothing_is_refused():
    with pytest.raises(UsageError, match=r"accept: both sides have what 'q\.bias' matches"):
        prepare(Pair(Attention(), (port, leaves(True)), X, accept=("q.bias",)))
    with pytest.raises(UsageError, match="accept: 'x' matches no parameter: expected running_variance, or a name"):
        check_accepted(("x",), [], ["k.bias"])
    check_accepted((RUNNING_VARIANCE,), [], [])


def test_a_leaf_keeps_the_value_that_it_came_with():
    own = leaves(True)
    own["k"]["b"] = jnp.arange(4.0)
    ready = prepare(Pair(Attention(False), (port, own), X, accept=("k.b",)))
    np.testing.assert_array_equal(ready.port.fixed["params/k/b"], np.arange(4.0))


class Joined(nn.Module):
    """One layer over two inputs."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.k = nn.Linear(7, 5)

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.k(torch.cat([x, y], -1))


def test_what_the_messages_advise_leads_to_a_map():
    """Of two layers for one, each with a bias: which of the two has no counterpart is the user's to say."""

    def two(p, x, y):
        return x @ p["w"]["k"] + p["w"]["b"] + y @ p["u"]["k"] + p["u"]["b"]

    leaves = {"w": {"k": jnp.ones((4, 5)), "b": jnp.zeros(5)}, "u": {"k": jnp.ones((3, 5)), "b": jnp.zeros(5)}}
    given = Joined(), (two, leaves), (normal(6, 4), normal(6, 3))
    with pytest.raises(UsageError, match=r"accept=\(.* or with a map by hand") as refused:
        prepare(Pair(*given))
    advised = re.search(r"accept=(\(.*?\))", str(refused.value))
    assert advised is not None
    assert ast.literal_eval(advised[1]) == ("params/w/b",)
    assert prepare(Pair(*given, accept=ast.literal_eval(advised[1]))).accepted == ("params/w/b",)
    with pytest.raises(UsageError, match=r"params/w/b .* has no counterpart .* accept="):
        prepare(Pair(*given, rules={"k.bias": "u/b"}))
    assert prepare(Pair(*given, rules={"k.bias": "u/b"}, accept=("w.b",))).accepted == ("params/w/b",)
