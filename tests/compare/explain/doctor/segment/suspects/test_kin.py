"""Functions of the same arguments, one for another; means, variances and running sums: each fault is named."""

import jax.numpy as jnp
import pytest
import torch
from torch import nn

from compare.explain.doctor.segment.diagnose import diagnose
from tests.compare.explain.doctor.scenes import drawn, holds, scene_of

X = drawn(4, 3, 6)


class Reduced(nn.Module):
    """One function of the input, and a nonlinearity, so that no constant factor stands in for it."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return torch.tanh(self.function(x))


FAULTS = {
    "sum for mean": (lambda x: x.mean(1), lambda x: x.sum(1), "reduction", "sum"),
    "mean for sum": (lambda x: x.sum(1), lambda x: x.mean(1), "reduction", "mean"),
    "maximum for mean": (lambda x: x.mean(1), lambda x: x.max(1), "reduction", "amax"),
    "the other axis": (lambda x: x.mean(1, keepdim=True), lambda x: x.mean(2, keepdims=True), "axis", "2"),
    "variance by N": (lambda x: x.var(1), lambda x: x.var(1), "unbiased", "False"),
    "deviation by N - 1": (
        lambda x: x.std(1, unbiased=False), lambda x: x.std(1, ddof=1), "unbiased", "True",
    ),
    "running sum without itself": (
        lambda x: x.cumsum(1), lambda x: jnp.cumsum(x, 1) - x, "running sum", "without itself",
    ),
    "running sum from the end": (
        lambda x: x.cumsum(1), lambda x: jnp.flip(jnp.cumsum(jnp.flip(x, 1), 1), 1), "running sum", "from the end",
    ),
    "minimum for maximum": (lambda x: x.amax(1), lambda x: x.min(1), "reduction", "amin"),
    "logarithm of base 2": (lambda x: torch.log(x.abs() + 1), lambda x: jnp.log2(jnp.abs(x) + 1), "function", "log2"),
    "running product": (lambda x: x.cumsum(1), lambda x: jnp.cumprod(x, 1), "running sum", "cumprod"),
    "the other triangle": (lambda x: x.tril(), lambda x: jnp.triu(x), "triangle", "triu"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(fault):
    """The setting, and what the port has."""
    function, port, setting, value = FAULTS[fault]
    cause = holds(scene_of(Reduced(function), [X], lambda p, x: jnp.tanh(port(x))), setting).causes[0]
    assert value in cause.port


def test_a_sound_port_has_no_cause():
    """The same mean on both sides."""
    scene = scene_of(Reduced(lambda x: x.mean(1)), [X], lambda p, x: jnp.tanh(x.mean(1)))
    assert diagnose(scene).causes == ()
