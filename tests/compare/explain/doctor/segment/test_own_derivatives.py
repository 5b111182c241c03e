"""What either side does to the backward pass by itself is told, with its line."""

import dataclasses

import jax.numpy as jnp
import torch
from torch import nn

from compare.explain.doctor.segment.diagnose import diagnose
from compare.explain.doctor.segment.own_derivatives import rules
from tests.compare.explain.doctor.scenes import drawn, scene_of

X = drawn(3, 4)


class Plain(nn.Module):
    def forward(self, x):
        return torch.tanh(x) * 2


class Detaching(nn.Module):
    def forward(self, x):
        return x + (x * x).detach()


def scene(module, primitives=(), direction="backward"):
    return scene_of(module, [X], lambda p, x: jnp.tanh(x) * 2, direction=direction, primitives=primitives)


def test_a_rule_of_the_ports_own():
    """A user's custom derivative, not one that JAX brings."""
    mine, theirs = ("own custom_jvp_call", "net.py:3"), ("custom_jvp_call", "net.py:4")
    assert rules(scene(Plain(), [mine, theirs])) == ("the port has its own derivative rule at net.py:3",)
    assert rules(scene(Plain(), [("custom_vjp_call", "net.py:5")])) == (
        "the port has its own derivative rule at net.py:5",)  # fmt: skip
    assert rules(scene(Plain(), [mine], "forward")) == ()


def test_a_gradient_that_one_side_stops():
    """And the other does not."""
    stop = ("stop_gradient", "net.py:7")
    assert rules(scene(Plain(), [stop])) == ("the port stops a gradient at net.py:7",)
    assert rules(scene(Detaching(), [stop])) == ()
    (told,) = rules(scene(Detaching()))
    assert "test_own_derivatives.py:" in told
    assert told.endswith("the port has no stop_gradient there")


def test_it_is_among_what_is_observed():
    """Beside what the arrays show."""
    one = scene(Plain(), [("custom_vjp_call", "net.py:5")])
    wrong = {name: 2 * array if name.startswith("grad") else array for name, array in one.port.items()}
    assert "the port has its own derivative rule at net.py:5" in diagnose(dataclasses.replace(one, port=wrong)).observed
