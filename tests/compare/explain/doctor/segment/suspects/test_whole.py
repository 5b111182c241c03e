"""What concerns a layer as a whole: flags, gates, shared weights, parameters that enter otherwise."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of, sound

X = drawn(3, 6)


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate, self.up = nn.Linear(6, 6), nn.Linear(6, 6)
        self.round = True

    def forward(self, x):
        h = F.silu(self.gate(x)) * self.up(x)
        return torch.hypot(h, x) if self.round else torch.atan2(h, x)


def gated(act=jax.nn.silu, first=True, rounded=True, up="up"):
    def port(p, x):
        gate, value = (x @ p[f"{name}.weight"].T + p[f"{name}.bias"] for name in ("gate", up))
        h = act(gate) * value if first else gate * act(value)
        return jnp.hypot(h, x) if rounded else jnp.arctan2(h, x)

    return port


def test_the_activation_on_the_other_factor():
    """Of a gated layer."""
    sound(scene_of(moved(Gated()), [X], gated()))
    holds(scene_of(moved(Gated()), [X], gated(first=False)), "gate order", "a * SiLU(b)")


def test_the_activation_on_both_factors():
    def port(p, x):
        gate, value = (jax.nn.silu(x @ p[f"{name}.weight"].T + p[f"{name}.bias"]) for name in ("gate", "up"))
        return jnp.hypot(gate * value, x)

    holds(scene_of(moved(Gated()), [X], port), "activation", "SiLU(a) * SiLU(b)")


def test_a_flag_the_other_way_round():
    """Of the reference's layer, under its own name."""
    found = holds(scene_of(moved(Gated()), [X], gated(rounded=False)), "round", "False")
    assert found.causes[0].text == "the port computes as if round were False; in the reference it is True"


def test_one_layer_in_the_place_of_another():
    """The first used twice."""
    scene = scene_of(moved(Gated()), [X], gated(up="gate"))
    found = holds(dataclasses.replace(scene, every=scene.weights), "tied", "gate")
    assert found.causes[0].text == "the port uses the weights of gate in the place of those of up"


class Normed(nn.Module):
    """A block with its norm before the branch."""

    def __init__(self):
        super().__init__()
        self.up, self.norm = nn.Linear(6, 6), nn.LayerNorm(6)

    def forward(self, x):
        return x + torch.tanh(self.up(self.norm(x)))


@pytest.mark.parametrize("after", [False, True])
def test_a_residual_that_begins_behind_the_norm(after):
    """h + f(h) for x + f(h)."""

    def port(p, x):
        h = (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)
        h = h * p["norm.weight"] + p["norm.bias"]
        return (h if after else x) + jnp.tanh(h @ p["up.weight"].T + p["up.bias"])

    scene = scene_of(moved(Normed()), [X], port)
    if after:
        holds(scene, "residual", "after norm")
    else:
        sound(scene)


class Strange(nn.Module):
    """Parameters used by calls that no family knows."""

    def __init__(self):
        super().__init__()
        self.a, self.m = nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(4, 4))

    def forward(self, x):
        return torch.outer(torch.logaddexp(x, self.a), torch.logaddexp(x, self.m.amax(0)))


def strange(a=lambda a: a, m=lambda m: m):
    return lambda p, x: jnp.outer(jnp.logaddexp(x, a(p["a"])), jnp.logaddexp(x, m(p["m"]).max(0)))


@pytest.mark.parametrize(
    ("value", "port"),
    [
        ("zero", strange(a=jnp.zeros_like)),
        ("one", strange(a=jnp.ones_like)),
        ("negated", strange(a=jnp.negative)),
        ("reversed", strange(a=lambda a: a[::-1])),
        ("negated", strange(m=jnp.negative)),
        ("taken twice", strange(a=lambda a: a + a)),
    ],
)
def test_a_parameter(value, port):
    """Whatever uses it."""
    module = moved(Strange())
    sound(scene_of(module, [drawn(4)], strange()))
    holds(scene_of(module, [drawn(4)], port), "parameter", value)


class Frequencies(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("inverse", 10000.0 ** (-torch.arange(4, dtype=torch.float64) / 4))

    def forward(self, x):
        return torch.cos(torch.outer(x, self.inverse))


@pytest.mark.parametrize("theta", [5e5, 1e6])
def test_the_base_of_rotary_frequencies(theta):
    """A buffer that the module made from a number it no longer has."""
    scene = scene_of(Frequencies(), [drawn(3)], lambda p, x: jnp.cos(jnp.outer(x, theta ** (-jnp.arange(4) / 4))))
    holds(scene, "theta", f"{theta:g}")
