"""Activations: each fault a port makes in one is named."""

import jax
import jax.numpy as jnp
import pytest
from torch import nn
from torch.nn import functional as F

from tests.compare.explain.doctor.scenes import drawn, holds, scene_of, sound

X = drawn(4, 6, 5, scale=3)


def of(function):
    return lambda p, x: function(x)


ROWS = [
    (nn.GELU(), "approximate", "tanh", jax.nn.gelu),
    (nn.GELU("tanh"), "approximate", "none", lambda x: jax.nn.gelu(x, approximate=False)),
    (nn.GELU(), "activation", "quick GELU, x * sigmoid(1.702 x)", lambda x: x * jax.nn.sigmoid(1.702 * x)),
    (nn.GELU(), "activation", "ReLU", jax.nn.relu),
    (nn.ReLU(), "activation", "leaky ReLU", jax.nn.leaky_relu),
    (nn.ReLU(), "activation", "tanh GELU", jax.nn.gelu),
    (nn.ReLU(), "activation", "SiLU", jax.nn.silu),
    (nn.ReLU(inplace=True), "activation", "ReLU6", lambda x: jnp.clip(x, 0, 6)),
    (nn.ReLU(), "activation", "squared ReLU", lambda x: jax.nn.relu(x) ** 2),
    (nn.ReLU(), "activation", "abs", jnp.abs),
    (nn.LeakyReLU(0.2), "negative_slope", "0.01", jax.nn.leaky_relu),
    (nn.LeakyReLU(0.01), "negative_slope", "0.3", lambda x: jax.nn.leaky_relu(x, 0.3)),
    (nn.LeakyReLU(0.2), "activation", "ReLU", jax.nn.relu),
    (nn.ELU(0.5), "alpha", "1", jax.nn.elu),
    (nn.SiLU(), "activation", "hard swish", jax.nn.hard_swish),
    (nn.SiLU(), "activation", "sigmoid", jax.nn.sigmoid),
    (nn.Tanh(), "activation", "sigmoid", jax.nn.sigmoid),
    (nn.Sigmoid(), "activation", "hard sigmoid, clip(0.2 x + 0.5)", lambda x: jnp.clip(0.2 * x + 0.5, 0, 1)),
    (nn.Sigmoid(), "gate", "1 - sigmoid(x)", lambda x: 1 - jax.nn.sigmoid(x)),
    (nn.SELU(), "activation", "ELU", jax.nn.elu),
    (nn.Mish(), "activation", "SiLU", jax.nn.silu),
    (nn.Softmax(-1), "axis", "1", lambda x: jax.nn.softmax(x, 1)),
    (nn.Softmax(1), "axis", "2", jax.nn.softmax),
    (nn.LogSoftmax(-1), "activation", "softmax", jax.nn.softmax),
    (nn.Softmax(-1), "activation", "sigmoid", jax.nn.sigmoid),
    (nn.Softmax(-1), "softmax", None, lambda x: jnp.exp(x) / (1 + jnp.exp(x).sum(-1, keepdims=True))),
    (nn.Hardtanh(-1, 1), "activation", "tanh", jnp.tanh),
]


@pytest.mark.parametrize(("module", "setting", "value", "function"), ROWS)
def test_an_activation(module, setting, value, function):
    """One setting, or one function for another."""
    holds(scene_of(module, [X], of(function)), setting, value)


def test_softplus_without_threshold():
    """They differ above 20 only, by what a float32 comparison never sees."""
    found = holds(scene_of(nn.Softplus(beta=0.5, threshold=3), [3 * X], of(lambda x: 2 * jax.nn.softplus(x / 2))),
                  "threshold", "none")  # fmt: skip
    assert any("above" in one for one in found.observed)


def test_the_tanh_gelu_in_words():
    """As a porter would say it."""
    found = holds(scene_of(nn.GELU(), [X], of(jax.nn.gelu)), "approximate", evidence="counterfactual")
    assert found.causes[0].text.startswith("the port uses the tanh approximation of GELU (approximate='tanh')")


def test_a_sound_one():
    """Nothing is said."""
    sound(scene_of(nn.GELU(), [X], of(lambda x: jax.nn.gelu(x, approximate=False))))
    sound(scene_of(nn.SELU(), [X], of(jax.nn.selu)))


def test_a_learnt_slope_that_the_port_holds_fixed():
    """PReLU's initial value in Flax: a leaky ReLU."""
    holds(scene_of(nn.PReLU(init=0.4).double(), [X], of(jax.nn.leaky_relu)), "activation", "leaky ReLU")


@pytest.mark.parametrize(
    ("setting", "value", "function"),
    [
        ("gate order", "first half", lambda a, b: jax.nn.sigmoid(a) * b),
        ("activation", "SiLU", lambda a, b: a * jax.nn.silu(b)),
        ("activation", "exact GELU", lambda a, b: a * jax.nn.gelu(b, approximate=False)),
    ],
)
def test_a_gate(setting, value, function):
    """Which half is the gate, and its activation."""
    holds(scene_of(nn.GLU(1), [X], of(lambda x: function(*jnp.split(x, 2, 1)))), setting, value)


class Dropped(nn.Module):
    """Dropout with a fixed mask, as its replay makes it."""

    def forward(self, x):
        return F.dropout(x, 0.4, training=True)


def test_no_dropout():
    """The port has none, or none is active."""
    holds(scene_of(Dropped(), [X], of(lambda x: x)), "dropout", "none")


def test_an_activation_that_the_port_has_not():
    """In place of it, nothing."""
    holds(scene_of(nn.SiLU(), [X], of(lambda x: x)), "activation", "none")
