"""Three projections in one array: the usual order is a convention, and whether it holds both functions tell."""

import jax
import jax.numpy as jnp
import pytest
import torch
from torch import nn

from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from tests.compare.weights.mapping.carry import normal

X = normal(2, 3, 4)


class Attention(nn.Module):
    def __init__(self, apart):
        super().__init__()
        self.apart = apart
        for name in "qkv" if apart else ["mix"]:
            setattr(self, name, nn.Linear(4, 4 if apart else 12))

    def forward(self, x):
        q, k, v = (self.q(x), self.k(x), self.v(x)) if self.apart else self.mix(x).chunk(3, -1)
        return torch.softmax(q @ k.mT, -1) @ v


class Model(nn.Module):
    """Two layers, so that one order has to hold in both."""

    def __init__(self, apart=True):
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.ModuleList([Attention(apart) for _ in range(2)])

    def forward(self, x):
        for layer in self.layers:
            x = x + layer(x)
        return x


def packed(order, factor=1.0):
    def run(p, x):
        for at in range(2):
            own = p[f"block{at}"]
            parts = dict(zip(order, jnp.split(x @ own["w"] + own["b"], 3, -1), strict=True))
            x = x + factor * jax.nn.softmax(parts["q"] @ parts["k"].mT, -1) @ parts["v"]
        return x

    return run, {f"block{at}": {"w": jnp.ones((4, 12)), "b": jnp.ones(12)} for at in range(2)}


@pytest.mark.parametrize("order", ["qkv", "kqv", "vkq"])
def test_the_order_is_what_the_functions_say(order):
    ready = prepare(Pair(Model(), packed(order), X))
    own = {entry.reference: entry for entry in ready.weight_map.entries}
    drawn = {name: normal(*shape) for name, shape in ready.shapes.items()}
    made = ready.weight_map.to_port(drawn, ready.leaves)
    for layer in (0, 1):
        wanted = [drawn[f"layers.{layer}.{letter}.bias"] for letter in order]
        assert (made[f"params/block{layer}/b"] == [*wanted[0], *wanted[1], *wanted[2]]).all()
    assert len(own) == 12
    assert (ready.notes == ()) == (order == "qkv"), "that the convention holds is no news"


def test_of_another_function_the_usual_order_is_taken_and_that_is_said():
    ready = prepare(Pair(Model(), packed("qkv", 1.5), X))
    assert "under none of 6 that were tried do both sides agree" in ready.notes[-1]


class Torchs(nn.Module):
    """Packed by the framework, as (query, key, value)."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.attention = nn.MultiheadAttention(4, 1, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


def test_an_order_of_the_frameworks_needs_no_proof_where_names_say_which_is_which():
    """The port is another function, under every order."""
    names = ("query", "key", "value")

    def run(p, x):
        q, k, v = (x @ p[name]["kernel"] + p[name]["bias"] for name in names)
        y = jax.nn.softmax(q @ k.mT, -1) @ v  # not divided by the root of the width
        return y @ p["out"]["kernel"] + p["out"]["bias"]

    leaves = {name: {"kernel": jnp.ones((4, 4)), "bias": jnp.ones(4)} for name in (*names, "out")}
    ready = prepare(Pair(Torchs(), (run, leaves), X))
    assert (ready.notes, ready.doubted) == ((), ())
    drawn = {name: normal(*shape) for name, shape in ready.shapes.items()}
    made = ready.weight_map.to_port(drawn, ready.leaves)
    for name, part in zip(names, drawn["attention.in_proj_bias"].reshape(3, 4), strict=True):
        assert (made[f"params/{name}/bias"] == part).all()


def test_what_the_reference_packs_is_tried_alike():
    def run(p, x):
        for at in range(2):
            k, v, q = (x @ p[f"{name}{at}"]["w"] + p[f"{name}{at}"]["b"] for name in ("a", "b", "c"))
            x = x + jax.nn.softmax(q @ k.mT, -1) @ v
        return x

    leaves = {f"{name}{at}": {"w": jnp.ones((4, 4)), "b": jnp.ones(4)} for name in "abc" for at in range(2)}
    ready = prepare(Pair(Model(apart=False), (run, leaves), X))
    drawn = {name: normal(*shape) for name, shape in ready.shapes.items()}
    made = ready.weight_map.to_port(drawn, ready.leaves)
    for layer in (0, 1):
        q, k, v = drawn[f"layers.{layer}.mix.bias"].reshape(3, 4)
        for name, own in zip("abc", (k, v, q), strict=True):
            assert (made[f"params/{name}{layer}/b"] == own).all()
