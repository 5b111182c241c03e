"""One tensor in the place of another: exchanged, or taken in one place."""

from functools import partial

import jax.numpy as jnp
import pytest
import torch
from torch import nn

from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of, sound

X = drawn(3, 4, 4)


class Scores(nn.Module):
    """Two projections of one shape, each turned before they meet."""

    def __init__(self):
        super().__init__()
        self.q, self.k = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        q, k = self.q(x).unflatten(-1, (2, 2)).transpose(1, 2), self.k(x).unflatten(-1, (2, 2)).transpose(1, 2)
        return torch.softmax(q @ k.transpose(-2, -1), -1) * (x.sum(-1)[:, None, :, None] + 1)


def scores(exchanged, left_out=False):
    def port(p, x):
        q, k = (
            (x @ p[f"{name}.weight"].T + p[f"{name}.bias"]).reshape(3, 4, 2, 2).swapaxes(1, 2)
            for name in ("kq" if exchanged else "qk")
        )
        powers = jnp.exp(q @ k.swapaxes(-2, -1))
        return powers / powers.sum(-1, keepdims=True) * (x.sum(-1)[:, None, :, None] + 1)

    return port


def test_two_that_are_exchanged_are_named():
    """In words of the layers that they come from, or of the calls that make them."""
    module = moved(Scores())
    sound(scene_of(module, [X], scores(False)))
    assert "exchanged" in holds(scene_of(module, [X], scores(True)), "operands").causes[0].text


class Wrong(nn.Module):
    def forward(self, x):
        first, second = torch.tanh(x), torch.sin(x)
        return first / (second + 3) + torch.cos(second)


@pytest.mark.parametrize("right", [True, False])
def test_another_tensor_of_its_shape_is_named(right):
    """The cosine of the first where the reference has that of the second."""

    def port(p, x):
        first, second = jnp.tanh(x), jnp.sin(x)
        return first / (second + 3) + jnp.cos(second if right else first)

    scene = scene_of(Wrong(), [X], port)
    if right:
        sound(scene)
    else:
        assert holds(scene, "operand").causes[0].port.startswith("the result of tanh")


class Slopes(nn.Module):
    """One line that is run three times, as a function is."""

    def forward(self, x):
        first, second, third = (torch.tanh(scale * x) for scale in (0.5, 0.7, 0.9))
        return first + torch.sin(second) * torch.cos(third)


def test_what_one_line_makes_several_times_is_told_apart_by_number():
    """The second of three results for the third."""

    def port(wrong, p, x):
        first, second, third = (jnp.tanh(scale * x) for scale in (0.5, 0.7, 0.9))
        return first + jnp.sin(second) * jnp.cos(second if wrong else third)

    sound(scene_of(Slopes(), [X], partial(port, False)))
    cause = holds(scene_of(Slopes(), [X], partial(port, True)), "operand").causes[0]
    assert "number 3" in cause.reference
    assert "number 2" in cause.port


class Velocity(nn.Module):
    """Signal and noise weighed, by weights that are taken elsewhere too."""

    def forward(self, x):
        signal, noise = torch.cos(x[:, :1]), torch.sin(x[:, :1])
        return (signal * x.exp() - noise * torch.tanh(x)) * (signal / (2 + noise))


def test_two_exchanged_in_one_line_alone():
    """Wherever else they are taken, they are as they were."""

    def port(wrong, p, x):
        signal, noise = jnp.cos(x[:, :1]), jnp.sin(x[:, :1])
        first, second = (noise, signal) if wrong else (signal, noise)
        return (first * jnp.exp(x) - second * jnp.tanh(x)) * (signal / (2 + noise))

    sound(scene_of(Velocity(), [X], partial(port, False)))
    assert "in two mul" in holds(scene_of(Velocity(), [X], partial(port, True)), "operands").causes[0].text
