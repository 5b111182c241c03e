"""A factor of one term that is one of the whole sum, and the other way round."""

import jax.numpy as jnp
import pytest
import torch
from torch import nn

from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of, sound

X = drawn(3, 4)


class Scaled(nn.Module):
    """A branch with a scale of its own, and a sum that is divided."""

    def __init__(self):
        super().__init__()
        self.gamma, self.by = nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(4))

    def forward(self, x):
        x = x + self.gamma * torch.tanh(x)
        return (torch.sin(x) + torch.cos(x)) / (self.by * self.by + 1)


def scaled(block=False, kept=None):
    def port(p, x):
        gamma, by = p["gamma"], p["by"] * p["by"] + 1
        x = gamma * (x + jnp.tanh(x)) if block else x + gamma * jnp.tanh(x)
        sin, cos = jnp.sin(x), jnp.cos(x)
        return {None: (sin + cos) / by, 0: sin / by + cos, 1: sin + cos / by}[kept]

    return port


@pytest.mark.parametrize(
    ("options", "value", "text"),
    [
        ({"block": True}, "the whole sum", "gamma multiplies the whole sum"),
        ({"kept": 0}, "the first term of a sum alone", "divides the first term of a sum alone"),
        ({"kept": 1}, "the second term of a sum alone", "divides the second term of a sum alone"),
    ],
)
def test_what_a_factor_is_a_factor_of(options, value, text):
    """Named by the parameter, or by what made it."""
    module = moved(Scaled())
    sound(scene_of(module, [X], scaled()))
    assert text in holds(scene_of(module, [X], scaled(**options)), "scale", value).causes[0].text
