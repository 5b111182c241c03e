"""A call left out, and one too many."""

import jax
import jax.numpy as jnp
import pytest
import torch
from torch import nn

from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of, sound


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.norm, self.b = nn.Linear(4, 6), nn.LayerNorm(6), nn.Linear(6, 3)

    def forward(self, x):
        return self.b(torch.relu(self.norm(self.a(x))))


def net(norm=True, act=jax.nn.relu, after=lambda y: y):
    def port(p, x):
        h = x @ p["a.weight"].T + p["a.bias"]
        if norm:
            h = (h - h.mean(-1, keepdims=True)) / jnp.sqrt(h.var(-1, keepdims=True) + 1e-5)
            h = h * p["norm.weight"] + p["norm.bias"]
        return after(act(h) @ p["b.weight"].T + p["b.bias"])

    return port


@pytest.mark.parametrize(
    ("setting", "value", "port"),
    [
        ("call", "none", net(norm=False)),
        ("activation", "none", net(act=lambda h: h)),
        ("activation", "softmax (last axis)", net(after=jax.nn.softmax)),
        ("activation", "ReLU", net(after=jax.nn.relu)),
        ("activation", "sigmoid", net(after=jax.nn.sigmoid)),
    ],
)
def test_one_too_few_or_too_many(setting, value, port):
    """The norm, the activation; a softmax at the end."""
    module = moved(Net())
    sound(scene_of(module, [drawn(3, 4)], net()))
    holds(scene_of(module, [drawn(3, 4)], port), setting, value)
