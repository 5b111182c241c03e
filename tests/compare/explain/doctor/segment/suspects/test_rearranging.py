"""Reshapes, permutations, joins and splits: each fault a port makes in one is named."""

import jax
import jax.numpy as jnp
import pytest
import torch
from torch import nn

from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of

X = drawn(2, 3, 4, 5)


class Flat(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(60, 4)

    def forward(self, x):
        return self.fc(torch.flatten(x, 1))


@pytest.mark.parametrize("order", [(2, 3, 1), (1, 3, 2), (3, 1, 2)])
def test_the_order_of_a_flatten(order):
    """(C, H, W) for (H, W, C): what a convolution's features become."""

    def port(p, x):
        return x.transpose(0, *order).reshape(2, -1) @ p["fc.weight"].T + p["fc.bias"]

    holds(scene_of(moved(Flat()), [X], port), "flatten order", str(order))


class Heads(nn.Module):
    def forward(self, x):
        return x.view(2, 3, 2, 4).transpose(1, 2).sin()


@pytest.mark.parametrize(
    ("setting", "value", "port"),
    [
        ("split order", "(4, 2)", lambda x: x.reshape(2, 3, 4, 2).swapaxes(2, 3).swapaxes(1, 2)),
        ("axis order", "reshaped", lambda x: x.reshape(2, 3, 2, 4).reshape(2, 2, 3, 4)),
    ],
)
def test_splitting_heads(setting, value, port):
    """The two factors of the width exchanged; a reshape for a transposition."""
    holds(scene_of(Heads(), [drawn(2, 3, 8)], lambda p, x: jnp.sin(port(x))), setting, value)


class Grouped(nn.Module):
    def forward(self, x):
        return x.view(2, 3, 2, 4).softmax(-1).flatten(2)


def test_another_number_of_groups():
    """Four heads of two for two heads of four."""

    def port(p, x):
        return jax.nn.softmax(x.reshape(2, 3, 4, 2)).reshape(2, 3, 8)

    holds(scene_of(Grouped(), [drawn(2, 3, 8)], port), "groups", "(4, 2)")


class Square(nn.Module):
    def forward(self, x):
        return x.transpose(1, 2).exp()


def test_no_transposition():
    """Where it keeps the shape."""
    holds(scene_of(Square(), [drawn(2, 4, 4)], lambda p, x: jnp.exp(x)), "axis order", "as they are")


class Joined(nn.Module):
    def forward(self, x):
        first, second = x.chunk(2, -1)
        return torch.cat([first.sin(), second], -1) * first.sum()


@pytest.mark.parametrize(
    ("setting", "port"),
    [
        ("concatenation order", lambda a, b: jnp.concatenate([b, jnp.sin(a)], -1) * a.sum()),
        ("order of the parts", lambda a, b: jnp.concatenate([jnp.sin(b), a], -1) * b.sum()),
    ],
)
def test_joins_and_splits(setting, port):
    """Parts in the other order."""
    holds(scene_of(Joined(), [drawn(2, 3, 8)], lambda p, x: port(*jnp.split(x, 2, -1))), setting, "(1, 0)")


def test_interleaved_parts():
    """Every second entry for a half."""
    port = lambda p, x: jnp.concatenate([jnp.sin(x[..., ::2]), x[..., 1::2]], -1) * x[..., ::2].sum()  # noqa: E731
    holds(scene_of(Joined(), [drawn(2, 3, 8)], port), "order of the parts", "every n-th entry")


class Rotary(nn.Module):
    def forward(self, x):
        t = torch.arange(x.shape[-2], dtype=x.dtype)
        inverse = 10000.0 ** (-torch.arange(0, x.shape[-1], 2, dtype=x.dtype) / x.shape[-1])
        angles = t[:, None] * inverse
        angles = torch.cat((angles, angles), -1)
        first, second = x.chunk(2, -1)
        return x * angles.cos() + torch.cat((-second, first), -1) * angles.sin()


def test_rotary_layouts():
    """Halves for neighbours: the two joins together."""

    def port(p, x):
        angles = jnp.arange(x.shape[-2])[:, None] * 10000.0 ** (-jnp.arange(0, x.shape[-1], 2) / x.shape[-1])
        cos, sin = jnp.repeat(jnp.cos(angles), 2, -1), jnp.repeat(jnp.sin(angles), 2, -1)
        turned = jnp.stack((-x[..., 1::2], x[..., ::2]), -1).reshape(x.shape)
        return x * cos + turned * sin

    found = holds(scene_of(Rotary(), [drawn(2, 5, 8)], port), "interleaved", "interleaved")
    assert len(found.causes[0].change.calls) == 2


class Turned(nn.Module):
    def forward(self, x):
        return torch.flip(x, (1,)).cos()


def test_a_flip_left_out():
    """The port has it as it was."""
    holds(scene_of(Turned(), [drawn(2, 5)], lambda p, x: jnp.cos(x)), "flip", "none")


class Patches(nn.Module):
    """Two axes become one, and then three do."""

    def forward(self, x):
        b, h, w, c = x.shape
        return x.reshape(b, h, 1, w // 2, 2, c).permute(0, 1, 3, 5, 2, 4).reshape(b, -1, 2 * c).sin()


def test_the_order_of_some_axes_that_become_one_beside_others():
    def port(p, x):
        b, h, w, c = x.shape
        return jnp.sin(x.reshape(b, h, w // 2, 2, c).reshape(b, -1, 2 * c))

    holds(scene_of(Patches(), [X], port), "flatten order", "(4, 5, 3)")
