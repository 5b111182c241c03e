"""A gap of float32's size is accepted only with a witness that is responsible for it."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from compare.api import verify

USERS_MODELS = True
ANGLES = np.arange(7) * 0.3


def batch(rng):
    return rng.standard_normal((4, 7), dtype=np.float32)


class Exact(torch.nn.Module):
    """Computes its table in the forward pass, at the precision of its input."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(7, 5)

    def table(self, x):
        return torch.sin(torch.arange(7, dtype=x.dtype) * 0.3)

    def forward(self, x):
        return torch.tanh(self.layer(x * self.table(x)))


class Stored(Exact):
    """Holds its table in a buffer, made in float32 when the module was built."""

    def __init__(self):
        super().__init__()
        self.register_buffer("sines", torch.sin(torch.arange(7) * 0.3), persistent=False)

    def table(self, x):
        return self.sines


class Port(nn.Module):
    stored: bool = False
    eps: float = 0.0
    steep: float = 1.0

    @nn.compact
    def __call__(self, x):
        table = jnp.asarray(np.sin(ANGLES).astype(np.float32)) if self.stored else jnp.sin(jnp.arange(7) * 0.3)
        return jnp.tanh(nn.Dense(5)(x * table) * self.steep + self.eps)


def reasons(report):
    return {one.judgement.reason for one in report.found.quantities if one.verdict == "float32_only"}


def test_a_float32_table_in_the_port_is_named():
    report = verify(Exact(), Port(stored=True), batch, device="cpu", quick=True)
    assert report.verdict == "float32_only"
    assert all("an array (7,) of the port at" in reason for reason in reasons(report))


def test_a_float32_buffer_of_the_reference_is_named():
    report = verify(Stored(), Port(), batch, device="cpu", quick=True)
    assert report.verdict == "float32_only"
    assert reasons(report) == {"held in float32: sines of the reference"}


@pytest.mark.parametrize("port", [Port(steep=1 + 1e-9), Port(eps=1e-9)], ids=["steep", "shifted"])
def test_a_difference_below_float32_without_a_witness_is_a_mismatch(port):
    """No ordinary tolerance sees 1e-9 in float32; nothing held in float32 explains it."""
    report = verify(Exact(), port, batch, device="cpu", quick=True)
    assert report.verdict == "mismatch"


def test_a_witness_that_is_not_responsible_does_not_excuse():
    """A float32 table and a fault of the same size beside it: exact values in the table do not close the gap."""
    report = verify(Exact(), Port(stored=True, steep=1 + 3e-9), batch, device="cpu", quick=True)
    assert report.verdict == "mismatch"


def test_both_computed_exactly_are_a_match():
    with jax.numpy_dtype_promotion("standard"):
        assert verify(Exact(), Port(), batch, device="cpu", quick=True).verdict == "match"
