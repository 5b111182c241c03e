"""Attention written by hand: each fault a port makes in it is named."""

import jax
import jax.numpy as jnp
import pytest
import torch
from torch import nn

from tests.compare.explain.doctor.scenes import drawn, holds, scene_of, sound

Q, K, V = (drawn(2, 4, 5, seed=seed) for seed in range(3))


class Plain(nn.Module):
    def forward(self, q, k, v):
        return torch.softmax(q @ k.transpose(-2, -1) * k.shape[-1] ** -0.5, -1) @ v


class Causal(nn.Module):
    def forward(self, q, k, v):
        allowed = torch.ones(4, 4, dtype=torch.bool).tril()
        scores = q @ k.transpose(-2, -1) / 5**0.5
        return torch.softmax(scores.masked_fill(~allowed, -1e9), -1) @ v


def attended(q, k, v, scale=5**-0.5, mask=None, axis=-1, fill=-1e9):
    scores = q @ k.swapaxes(-1, -2) * scale
    return jax.nn.softmax(scores if mask is None else jnp.where(mask, scores, fill), axis) @ v


def below(diagonal=0):
    return jnp.tril(jnp.ones((4, 4), bool), diagonal)


@pytest.mark.parametrize(
    ("setting", "value", "options"),
    [
        ("scale", "1", {"scale": 1}),
        ("scale", "1 / 0.4472135955", {"scale": 5**0.5}),
        ("scale", "0.2", {"scale": 0.2}),
        ("causal", "yes", {"mask": below()}),
        ("axis", "1", {"axis": 1}),
    ],
)
def test_plain(setting, value, options):
    """Scale, axis, a triangle too much."""
    sound(scene_of(Plain(), [Q, K, V], lambda p, *given: attended(*given)))
    holds(scene_of(Plain(), [Q, K, V], lambda p, *given: attended(*given, **options)), setting, value)


@pytest.mark.parametrize(
    ("setting", "value", "options"),
    [
        ("causal", "no", {}),
        ("mask", "False is filled", {"mask": ~below()}),
        ("causal", "1", {"mask": below(1)}),
        ("triangle", "the other", {"mask": below().T}),
        ("fill", "0", {"mask": below(), "fill": 0}),
    ],
)
def test_masked(setting, value, options):
    """The triangle left out, inverted, one off, the other; the value that is filled in."""
    sound(scene_of(Causal(), [Q, K, V], lambda p, *given: attended(*given, mask=below())))
    holds(scene_of(Causal(), [Q, K, V], lambda p, *given: attended(*given, **options)), setting, value)
