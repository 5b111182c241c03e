"""Parameters and buffers that enter otherwise."""

import jax.numpy as jnp
import pytest
import torch
from torch import nn

from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of, sound


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
