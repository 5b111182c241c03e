"""Positions, indices, and entries repeated: each fault a port makes in one is named."""

from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import nn

from tests.compare.explain.doctor.scenes import drawn, holds, scene_of, sound

X = drawn(3, 5, 4)


class Taking(nn.Module):
    def forward(self, x):
        places = torch.arange(5, dtype=x.dtype)[:, None]
        x = x * torch.cos(places) + x.exp()
        wide = x.repeat_interleave(2, dim=2) * torch.arange(8, dtype=x.dtype).cos()
        return wide[:, -1].sin() + wide[:, 1:].sum(1)


def taking(shift=0, last=-1, start=1, stop=5, tiled=False):
    def port(p, x):
        x = x * jnp.cos(jnp.arange(5.0) + shift)[:, None] + jnp.exp(x)
        wide = (jnp.tile(x, (1, 1, 2)) if tiled else jnp.repeat(x, 2, 2)) * jnp.cos(jnp.arange(8.0))
        return jnp.sin(wide[:, last]) + wide[:, start:stop].sum(1)

    return port


@pytest.mark.parametrize(
    ("setting", "value", "options"),
    [
        ("position", "i +1", {"shift": 1}),
        ("position", "0 everywhere", {"shift": -np.arange(5.0)}),
        ("position", "counted from 0 again after 3", {"shift": np.array([0.0, 0, 0, -3, -3])}),
        ("position", "0 after 2", {"shift": np.array([0.0, 0, -2, -3, -4])}),
        ("index", "0", {"last": 0}),
        ("index", "3", {"last": 3}),
        ("index", "0:4", {"start": 0, "stop": 4}),
        ("repeat_interleave", "the whole", {"tiled": True}),
    ],
)
def test_what_is_taken(setting, value, options):
    """One of it otherwise."""
    sound(scene_of(Taking(), [X], taking()))
    holds(scene_of(Taking(), [X], taking(**options)), setting, value)


def test_a_tile_for_which_each_entry_is_repeated():
    """The other way round."""

    class Tiled(nn.Module):
        def forward(self, x):
            return x.repeat(1, 1, 2).sin()

    holds(scene_of(Tiled(), [X], lambda p, x: jnp.sin(jnp.repeat(x, 2, 2))), "repeat_interleave", "each entry")


def test_an_axis_that_is_inserted_elsewhere():
    """A column for a row: both operands of a product along one axis."""

    class Both(nn.Module):
        def forward(self, x):
            sums = x.sum(-1).exp()
            return sums[:, :, None] * x.new_ones(5, 5) * sums[:, None, :]

    def port(wrong, p, x):
        sums = jnp.exp(x.sum(-1))
        return sums[:, :, None] * jnp.ones((5, 5)) * (sums[:, :, None] if wrong else sums[:, None, :])

    sound(scene_of(Both(), [X], partial(port, False)))
    holds(scene_of(Both(), [X], partial(port, True)), "axis", "2")
