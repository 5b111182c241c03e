"""The user's own arithmetic: each fault a port makes in it is named."""

from dataclasses import replace

import jax.numpy as jnp
import pytest
import torch
from torch import nn

from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of, sound
from tests.compare.explain.doctor.segment.suspects.test_kin import Reduced

X = drawn(3, 4, 6, scale=0.1)


class Residual(nn.Module):
    """A norm by hand, a scaled branch, a residual."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(6))
        self.shift = nn.Parameter(torch.ones(6))

    def forward(self, x):
        y = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * self.gain
        y = torch.sin(y) * 0.5 + self.shift
        return x - y / 3


def port(eps=1e-5, plus=0, gain=True, factor=0.5, shift=1, residual=1, sign=-1, divisor=3, axis=-1, wave=jnp.sin,
         reduce=jnp.mean):  # fmt: skip
    def run(p, x):
        y = x / jnp.sqrt(reduce(x**2, axis, keepdims=True) + eps)
        y = y * (p["gain"] + plus) if gain else y
        return residual * x + sign * (wave(y) * factor + shift * p["shift"]) / divisor

    return run


ROWS = [
    ("epsilon", "1e-06", {"eps": 1e-6}),
    ("epsilon", "1e-08", {"eps": 1e-8}),
    ("scale", "1 + w", {"plus": 1}),
    ("scale", "none", {"gain": False}),
    ("scale", "1", {"factor": 1}),
    ("scale", "2", {"factor": 2}),
    ("scale", "0.25", {"factor": 0.25}),
    ("scale", "0.3333333333", {"divisor": 1 / 3}),
    ("bias", "none", {"shift": 0}),
    ("residual", "none", {"residual": 0}),
    ("sign", "-", {"sign": 1}),
    ("axis", "1", {"axis": 1}),
    ("function", "cos", {"wave": jnp.cos}),
    ("call", "none", {"wave": lambda y: y}),
    ("reduction", "sum", {"reduce": jnp.sum}),
]


@pytest.mark.parametrize(("setting", "value", "options"), ROWS, ids=[f"{row[0]} {row[1]}" for row in ROWS])
def test_a_block(setting, value, options):
    """One number, term, axis or function."""
    module = moved(Residual())
    sound(scene_of(module, [X], port()))
    holds(scene_of(module, [X], port(**options)), setting, value)


def test_a_parameter_is_called_by_its_name():
    """Which one is left out, or shifted by 1."""
    found = holds(scene_of(moved(Residual()), [X], port(shift=0)), "bias")
    assert found.causes[0].text == "the port leaves out shift of a sum (a bias)"


class Deviation(nn.Module):
    def forward(self, x):
        return (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-5)


@pytest.mark.parametrize(
    ("setting", "value", "options"),
    [("unbiased", "False", {"ddof": 0}), ("epsilon", "1e-06", {"eps": 1e-6}), ("epsilon", "0", {"eps": 0})],
)
def test_a_deviation(setting, value, options):
    """JAX divides by N, torch by N - 1."""

    def run(ddof=1, eps=1e-5):
        return lambda p, x: (x - x.mean(-1, keepdims=True)) / (x.std(-1, keepdims=True, ddof=ddof) + eps)

    sound(scene_of(Deviation(), [X], run()))
    holds(scene_of(Deviation(), [X], run(**options)), setting, value)


class Powers(nn.Module):
    def forward(self, x):
        positive = x.abs() + 1
        return torch.where(x > 0, positive ** -0.5, torch.cumsum(positive, -1))  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "run"),
    [
        ("exponent", lambda a, x: jnp.where(x > 0, a**0.5, jnp.cumsum(a, -1))),
        ("exponent", lambda a, x: jnp.where(x > 0, a**-1.0, jnp.cumsum(a, -1))),
        ("condition", lambda a, x: jnp.where(x > 0, jnp.cumsum(a, -1), a**-0.5)),
        ("running sum", lambda a, x: jnp.where(x > 0, a**-0.5, jnp.cumsum(a, -1) - a)),
        ("running sum", lambda a, x: jnp.where(x > 0, a**-0.5, jnp.cumsum(a[..., ::-1], -1)[..., ::-1])),
    ],
)
def test_powers_and_choices(setting, run):
    """Exponent, condition, running sum."""
    holds(scene_of(Powers(), [X], lambda p, x: run(jnp.abs(x) + 1, x)), setting)


class Gained(nn.Module):
    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(6))

    def forward(self, x):
        return torch.sin(x * self.gain)


def test_a_divisor_for_a_factor():
    """One name, two meanings."""
    holds(scene_of(moved(Gained()), [X], lambda p, x: jnp.sin(x / p["gain"])), "scale", "a divisor")


@pytest.mark.parametrize(
    ("function", "port", "value"),
    [
        (lambda x: x * x.exp(), lambda x: x + jnp.exp(x), "adds"),
        (lambda x: x + x.exp(), lambda x: x * jnp.exp(x), "multiplies"),
    ],
)
def test_the_other_operator_of_two_tensors(function, port, value):
    holds(scene_of(Reduced(function), [X], lambda p, x: jnp.tanh(port(x))), "operator", value)


@pytest.mark.parametrize(("written", "value"), [((), "0"), ((1e-12,), "1e-12")])
def test_an_epsilon_too_small_to_tell_is_none_unless_it_is_written(written, value):
    """Beside sums of hundreds 1e-12 closes the gap as well as 0: it is said only where the port's program has it."""

    class Divided(nn.Module):
        def forward(self, x):
            return x / (x.pow(2).sum(-1, keepdim=True) + 1e-3)

    scene = scene_of(Divided(), [100 * X], lambda p, x: x / (x**2).sum(-1, keepdims=True))
    holds(replace(scene, written=frozenset(written)), "epsilon", value)
