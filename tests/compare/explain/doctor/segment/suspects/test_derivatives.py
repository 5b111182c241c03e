"""Derivatives of the port's own, and gradients that the reference holds back."""

from functools import partial

import jax
import jax.numpy as jnp
import pytest
import torch
from torch import nn

from tests.compare.explain.doctor.scenes import drawn, holds, scene_of, sound

X = drawn(3, 4)
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
    scene = scene_of(Once(reference), [X], lambda p, x: port(x) * 2, direction="backward")
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
    sound(scene_of(module, [X], lambda p, x: x + jax.lax.stop_gradient(jnp.sin(x) - x), direction="backward"))
    found = holds(scene_of(module, [X], lambda p, x: x + (jnp.sin(x) - x), direction="backward"), "stop_gradient")
    assert "the port lets the gradient through where the reference" in found.causes[0].text
    assert "test_derivatives.py:" in found.causes[0].text


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
