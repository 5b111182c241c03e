"""A gradient that differs where the forward pass agrees, and derivatives of the port's own."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax.lax import stop_gradient
from torch import nn
from torch.nn import functional as F

from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of, sound

X = drawn(3, 4)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.gain = nn.Parameter(torch.ones(4))

    def forward(self, x):
        return torch.tanh(self.fc(x)) * self.gain + x


def scaled(factor):
    @jax.custom_vjp
    def same(x):
        return x

    same.defvjp(lambda x: (x, None), lambda _, g: (g * factor,))
    return same


def net(weight=lambda w: w, hidden=lambda h: h, gain=lambda g: g, residual=lambda x: x):
    def port(p, x):
        h = jnp.tanh(x @ weight(p["fc.weight"]).T + p["fc.bias"])
        return hidden(h) * gain(p["gain"]) + residual(x)

    return port


ROWS = [
    ("stop_gradient", "stopped", "the port stops the gradient at fc.weight", net(weight=stop_gradient)),
    ("stop_gradient", "stopped", "the port stops the gradient at gain", net(gain=stop_gradient)),
    ("stop_gradient", "stopped", "the port stops the gradient at what enters tanh", net(hidden=stop_gradient)),
    ("stop_gradient", "stopped", "the port stops the gradient at entry 1 of add", net(residual=stop_gradient)),
    ("gradient", "times 1.5", "the port multiplies the gradient by 1.5 at fc.weight", net(weight=scaled(1.5))),
    ("gradient", "times -1", "the port multiplies the gradient by -1 at gain", net(gain=scaled(-1.0))),
]


@pytest.mark.parametrize(("setting", "value", "text", "port"), ROWS, ids=[row[2] for row in ROWS])
def test_stopped_or_scaled(setting, value, text, port):
    """And where."""
    module = moved(Net())
    sound(scene_of(module, [X], net(), direction="backward"))
    found = holds(scene_of(module, [X], port, direction="backward"), setting, value)
    assert found.causes[0].text == text


@pytest.mark.parametrize(
    ("way", "setting", "text"),
    [
        (stop_gradient, "stop_gradient", "the port stops the gradient at the gate z of weight_hh_l0"),
        (scaled(1.5), "gradient", "the port multiplies the gradient by 1.5 at the gate z of weight_hh_l0"),
    ],
)
def test_the_gradient_of_one_gate(way, setting, text):
    """Which torch packs and the port may hold apart."""
    module = moved(nn.GRU(4, 3, batch_first=True))
    steps = drawn(2, 4, 4)

    def port(p, x):
        (ir, iz, i_n), (hr, hz, hn) = (jnp.split(p[f"weight_{side}_l0"], 3) for side in ("ih", "hh"))
        (br, bz, bn), (cr, cz, cn) = (jnp.split(p[f"bias_{side}_l0"], 3) for side in ("ih", "hh"))
        h, out = jnp.zeros((len(x), 3)), []
        for at in range(x.shape[1]):
            r = jax.nn.sigmoid(x[:, at] @ ir.T + br + h @ hr.T + cr)
            z = jax.nn.sigmoid(x[:, at] @ iz.T + bz + h @ way(hz).T + cz)
            n = jnp.tanh(x[:, at] @ i_n.T + bn + r * (h @ hn.T + cn))
            h = (1 - z) * n + z * h
            out.append(h)
        return jnp.stack(out, 1)

    found = holds(scene_of(module, [steps], port, direction="backward"), setting)
    assert found.causes[0].text == text


class Kink(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x) * 2.0


ZEROS = np.array([[0.0, 1.0, -1.0, 0.5], [0.0, 0.0, 2.0, -3.0]])


@pytest.mark.parametrize(
    ("function", "port"),
    [
        (torch.abs, jnp.abs),
        (lambda x: F.leaky_relu(x, 0.1), lambda x: jax.nn.leaky_relu(x, 0.1)),
        (lambda x: x.clamp(min=0), lambda x: jnp.clip(x, 0)),
        (lambda x: torch.clamp(x, 0.0, 1.0), lambda x: jnp.clip(x, 0.0, 1.0)),
    ],
)
def test_a_kink(function, port):
    """Frameworks choose another gradient where there is none."""
    scene = scene_of(Kink(function), [ZEROS], lambda p, x: port(x) * 2, direction="backward")
    holds(scene, "gradient at a kink")


def test_the_padding_row():
    """Torch gives it no gradient."""
    module = moved(nn.Embedding(5, 3, padding_idx=0))
    index = np.array([[0, 1, 4], [2, 0, 0]])
    holds(scene_of(module, [index], lambda p, i: p["weight"][i], direction="backward"), "padding_idx", "none")


def test_a_padding_row_that_the_reference_has_not():
    """The port takes row 0 for one."""

    def port(p, i):
        return jnp.where((i == 0)[..., None], stop_gradient(p["weight"][i]), p["weight"][i])

    index = np.array([[0, 1, 4], [2, 0, 0]])
    holds(scene_of(moved(nn.Embedding(5, 3)), [index], port, direction="backward"), "padding_idx", "0")


Y = drawn(3, 4)
exact = partial(jax.nn.gelu, approximate=False)


def derived(function, other):
    """``function`` with the derivative of ``other``."""

    @jax.custom_vjp
    def made(x):
        return function(x)

    made.defvjp(lambda x: (function(x), x), lambda x, g: jax.vjp(other, x)[1](g))
    return made


class Once(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x) * 2


@pytest.mark.parametrize(
    ("reference", "port", "value"),
    [
        (nn.GELU(), derived(exact, jax.nn.gelu), "of the tanh GELU"),
        (nn.SiLU(), derived(jax.nn.silu, jax.nn.relu), "of the ReLU"),
        (torch.round, derived(jnp.round, lambda x: x), "1"),
        (torch.sign, derived(jnp.sign, lambda x: x), "1"),
    ],
)
def test_a_derivative_of_another_function(reference, port, value):
    """It is told as a matter of the backward pass."""
    scene = scene_of(Once(reference), [Y], lambda p, x: port(x) * 2, direction="backward")
    found = holds(scene, "derivative", value)
    assert found.causes[0].text.startswith("in the backward pass alone, ")


class Quantizer(nn.Module):
    """Straight through a rounding, by ``detach`` or without a graph."""

    def __init__(self, graph):
        super().__init__()
        self.graph = graph

    def forward(self, x):
        if self.graph:
            return x + (torch.sin(x) - x).detach()
        with torch.no_grad():
            moved = torch.sin(x) - x
        return x + moved


@pytest.mark.parametrize("graph", [True, False])
def test_a_gradient_that_the_reference_detaches(graph):
    """The port lets it through."""
    module = Quantizer(graph)
    sound(scene_of(module, [Y], lambda p, x: x + jax.lax.stop_gradient(jnp.sin(x) - x), direction="backward"))
    found = holds(scene_of(module, [Y], lambda p, x: x + (jnp.sin(x) - x), direction="backward"), "stop_gradient")
    assert "the port lets the gradient through where the reference" in found.causes[0].text
    assert "test_gradients.py:" in found.causes[0].text


def test_a_state_whose_gradient_stops_between_steps():
    """Truncated backpropagation."""
    module = nn.GRU(4, 3, batch_first=True).double()

    def port(p, x):
        h, out = jnp.zeros((2, 3)), []
        for step in range(x.shape[1]):
            h = jax.lax.stop_gradient(h)
            r, z, n = jnp.split(x[:, step] @ p["weight_ih_l0"].T + p["bias_ih_l0"], 3, -1)
            hr, hz, hn = jnp.split(h @ p["weight_hh_l0"].T + p["bias_hh_l0"], 3, -1)
            r, z = jax.nn.sigmoid(r + hr), jax.nn.sigmoid(z + hz)
            h = (1 - z) * jnp.tanh(n + r * hn) + z * h
            out.append(h)
        return jnp.stack(out, 1)

    found = holds(scene_of(module, [drawn(2, 5, 4)], port, direction="backward"), "stop_gradient", "stopped")
    assert "between two steps" in found.causes[0].text
