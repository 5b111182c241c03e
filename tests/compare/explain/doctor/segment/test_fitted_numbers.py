"""Numbers that no list holds: the value that closes the gap is fitted."""

import math

import jax
import jax.numpy as jnp
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from compare.explain.doctor.fit import Fitted
from compare.explain.doctor.segment.diagnose import diagnose
from compare.explain.doctor.segment.numbers import numbers
from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of

X = drawn(3, 5, 8, scale=0.3)


class Scored(nn.Module):
    """Numbers in every place: an operator's, an argument's, the base of a power."""

    def forward(self, x):
        rates = 10000.0 ** (-torch.arange(8, dtype=x.dtype) / 8)
        scores = (x @ x.transpose(1, 2)) * 0.5
        return F.leaky_relu(F.layer_norm(scores.softmax(-1) @ (x * torch.cos(rates)), (8,), eps=1e-5), 0.1)


def scored(scale=0.5, theta=10000.0, eps=1e-5, slope=0.1):
    def port(p, x):
        rates = theta ** (-jnp.arange(8) / 8)
        h = jax.nn.softmax(x @ x.swapaxes(1, 2) * scale) @ (x * jnp.cos(rates))
        h = (h - h.mean(-1, keepdims=True)) / jnp.sqrt(h.var(-1, keepdims=True) + eps)
        return jax.nn.leaky_relu(h, slope)

    return port


@pytest.mark.parametrize(
    ("setting", "value", "words", "options"),
    [
        ("scale", "0.3535533906", "0.353553 (1 / sqrt(8))", {"scale": 8**-0.5}),
        ("theta", "32000", "32000", {"theta": 32000.0}),
        ("epsilon", "0.0037", "0.0037", {"eps": 3.7e-3}),
        ("negative_slope", "0.17", "0.17", {"slope": 0.17}),
    ],
)
def test_a_number_is_found(setting, value, words, options):
    """Its value, and what that is of the sizes around."""
    found = holds(scene_of(Scored(), [X], scored(**options)), setting, value)
    what = "scale (a factor)" if setting == "scale" else setting
    assert f"{what} is {words} in the port" in found.causes[0].text


def test_the_first_state_of_a_recurrent_layer():
    """A number that the reference does not have: 0.1 in every entry."""

    def port(p, x):
        h, out = jnp.full((3, 4), 0.1), []
        for step in range(x.shape[1]):
            h = jnp.tanh(x[:, step] @ p["weight_ih_l0"].T + p["bias_ih_l0"] + h @ p["weight_hh_l0"].T + p["bias_hh_l0"])
            out.append(h)
        return jnp.stack(out, 1)

    holds(scene_of(moved(nn.RNN(8, 4, batch_first=True)), [X], port), "initial state", "0.1")


def test_a_shape_that_no_number_makes_is_not_fitted():
    """Another function moves the arrays elsewhere."""
    found = diagnose(scene_of(Scored(), [X], lambda p, x: scored()(p, x) + jnp.sin(17 * x)))
    assert not any(cause.certain for cause in found.causes)


class Rotating(nn.Module):
    """Rotary frequencies whose base is written as a logarithm."""

    def forward(self, x):
        rates = torch.exp(torch.arange(8, dtype=x.dtype) * (-math.log(10000.0) / 8))
        return torch.sin(x * rates) + x


def test_the_base_of_a_table_is_recognised_in_its_logarithm():
    """No round number itself."""

    def port(p, x):
        return jnp.sin(x * 300000.0 ** (-jnp.arange(8) / 8)) + x

    found = holds(scene_of(Rotating(), [X], port), "scale")
    assert "(-log(300000) / 8) in the port" in found.causes[0].text
    assert "(-log(10000) / 8) in the reference" in found.causes[0].text


class Attending(nn.Module):
    def forward(self, x):
        return F.scaled_dot_product_attention(x, x, x)


class Rooted(nn.Module):
    def forward(self, x):
        return F.rms_norm(x, (8,))


@pytest.mark.parametrize(
    ("module", "setting", "own"),
    [(Attending(), "scale", 8**-0.5), (Rooted(), "epsilon", 2.0**-23)],
)
def test_what_none_stands_for_is_asked_of_the_function(module, setting, own):
    """The number with which it does the same."""
    scene = scene_of(module, [X], lambda p, x: x)
    found = [number.own for number in numbers(scene) if number.suspect(Fitted(0.5, 0.5, 0.5)).setting == setting]
    assert found[0] == pytest.approx(own, rel=1e-6)


class Bent(nn.Module):
    def forward(self, x):
        return torch.tanh(x) + x


@pytest.mark.parametrize(
    ("setting", "value", "port"),
    [
        ("scale", "2", lambda x: jnp.tanh(2 * x)),
        ("scale", "1.5", lambda x: 1.5 * jnp.tanh(x)),
        ("constant", "0.3", lambda x: jnp.tanh(x + 0.3)),
    ],
)
def test_a_number_before_or_behind_a_curve(setting, value, port):
    """Which the reference does not have: what enters an activation, and what leaves it."""
    holds(scene_of(Bent(), [X], lambda p, x: port(x) + x), setting, value)


def test_a_negation_is_said_as_one():
    found = holds(scene_of(Bent(), [X], lambda p, x: jnp.tanh(-2.5 * x) / jnp.tanh(2.5 * x) * jnp.tanh(x) + x), "scale")
    assert found.causes[0].text.startswith("the port negates ")


def test_of_two_readings_that_a_constant_was_rounded_is_the_likelier():
    """The logarithm of a density, its constant in float32: a scale of the term would be a number that nobody writes."""

    class Density(nn.Module):
        def forward(self, x):
            return torch.distributions.Normal(x, torch.ones_like(x)).log_prob(torch.zeros_like(x)).sum(-1)

    rounded = float(jnp.log(jnp.float32(2 * math.pi)))
    found = holds(scene_of(Density(), [X], lambda p, x: (-0.5 * x**2 - 0.5 * rounded).sum(-1)), "constant")
    assert "rounded to float32 in the port" in found.causes[0].text
