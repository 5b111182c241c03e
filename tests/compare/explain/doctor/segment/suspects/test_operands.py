"""Operands exchanged, and two operations in the other order: each fault is named."""

import jax
import jax.numpy as jnp
import pytest
import torch
import torch.nn.functional as F

from compare.explain.doctor.segment.diagnose import diagnose
from tests.compare.explain.doctor.scenes import drawn, holds, scene_of
from tests.compare.explain.doctor.segment.suspects.test_kin import Reduced

X = drawn(4, 6)


def normed(x):
    return (x - x.mean(-1, keepdims=True)) / jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)


FAULTS = {
    "an angle's operands": (
        lambda x: torch.atan2(x, x.square() + 1), lambda x: jnp.arctan2(x**2 + 1, x), "operands", "(other, input)",
    ),
    "a difference in one call": (
        lambda x: torch.sub(x.exp(), x), lambda x: x - jnp.exp(x), "operands", "(other, input)",
    ),
    "the norm behind its activation": (
        lambda x: F.relu(F.layer_norm(x, (6,))), lambda x: normed(jax.nn.relu(x)), "order", "relu then layer norm",
    ),
    "two factors": (
        lambda x: 0.3 * x + 0.7 * x.exp(), lambda x: 0.7 * x + 0.3 * jnp.exp(x), "constant", "exchanged",
    ),
    "the softmax before the largest": (
        lambda x: torch.softmax(x.topk(3, -1).values, -1), lambda x: jax.lax.top_k(jax.nn.softmax(x), 3)[0], "order",
        "softmax then topk",
    ),
    "the softmax before a slice": (
        lambda x: torch.softmax(x[:, 1:4], -1), lambda x: jax.nn.softmax(x)[:, 1:4], "order", "softmax then getitem",
    ),
    "the shift before the scale": (lambda x: x * 0.5 + 0.3, lambda x: (x + 0.3) * 0.5, "order", "add then mul"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(fault):
    """The setting, and what the port has."""
    function, port, setting, value = FAULTS[fault]
    cause = holds(scene_of(Reduced(function), [X], lambda p, x: jnp.tanh(port(x))), setting).causes[0]
    assert cause.port == value


def test_operands_that_may_be_exchanged_are_no_fault():
    """A sum the other way round is the same sum."""
    scene = scene_of(Reduced(lambda x: x.exp() + x), [X], lambda p, x: jnp.tanh(x + jnp.exp(x)))
    assert diagnose(scene).causes == ()
