"""A port that adds 1 to its scales, whose own values do not say what they have less: both functions do."""

import jax
import jax.numpy as jnp
import pytest
import torch
from flax import nnx
from torch import nn

from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from tests.compare.weights.mapping.carry import normal

X = normal(5, 6)


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.norm, self.fc = nn.RMSNorm(6, eps=1e-6), nn.Linear(6, 6)
        self.norm.weight.data = torch.randn(6)

    def forward(self, x):
        return self.fc(self.norm(x))


def rms(x, scale):
    return x * jax.lax.rsqrt(jnp.mean(x**2, -1, keepdims=True) + 1e-6) * (1 + scale)


def bare(scale, wrong=0.0):
    leaves = {"scale": scale, "w": jnp.ones((6, 6)), "b": jnp.ones(6)}
    return lambda p, x: rms(x, p["scale"]) @ p["w"] + p["b"] + wrong * x, leaves


class NormedNNX(nnx.Module):
    def __init__(self, start, rngs):
        self.scale, self.fc = nnx.Param(start(6)), nnx.Linear(6, 6, rngs=rngs)

    def __call__(self, x):
        return self.fc(rms(x, self.scale[...]))


OWN = jnp.asarray(Normed().norm.weight.detach().numpy())


@pytest.mark.parametrize(
    ("port", "less"),
    [
        (bare(jnp.zeros(6)), True),
        (bare(jnp.asarray(normal(6))), True),
        (bare(OWN), False),  # the user's weights are the reference's: the port is another function
        (bare(jnp.zeros(6), wrong=0.1), False),  # it is so anyhow
        (NormedNNX(jnp.zeros, nnx.Rngs(0)), True),
        (NormedNNX(jnp.ones, nnx.Rngs(0)), False),  # a scale that starts from 1 has nothing less
    ],
    ids=["zeros", "drawn", "the reference's", "another function", "a layer of zeros", "a layer of ones"],
)
def test_a_scale_has_less_where_only_so_both_functions_agree(port, less):
    ready = prepare(Pair(Normed(), port, X))
    assert [entry.offset for entry in ready.weight_map.entries if entry.offset] == [-1.0] * less
    assert any("your loader must take it off" in note for note in ready.notes) == less
