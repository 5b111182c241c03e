"""A table of the port's own stays the port's own; a statistic, and a place that waits for values, are carried over."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen, nnx

from compare.api import verify
from compare.pair.pair import Pair
from compare.pair.prepare import prepare

USERS_MODELS = True
STEPS, WIDTH = 5, 4
TABLE = np.sin(np.outer(np.arange(STEPS), 10000.0 ** (-np.arange(WIDTH) / WIDTH)))
OFF = np.sin(np.outer(np.arange(STEPS), 10000.1 ** (-np.arange(WIDTH) / WIDTH)))


class Reference(torch.nn.Module):
    def __init__(self, persistent=False):
        super().__init__()
        torch.manual_seed(0)
        self.head = torch.nn.Linear(WIDTH, 3)
        self.register_buffer("table", torch.from_numpy(TABLE.astype(np.float32)), persistent=persistent)

    def forward(self, x):
        return torch.tanh(self.head(x * self.table))


class PortNNX(nnx.Module):
    def __init__(self, table):
        self.head = nnx.Linear(WIDTH, 3, rngs=nnx.Rngs(0))
        self.table = nnx.Variable(jnp.asarray(table, jnp.float32))

    def __call__(self, x):
        return jnp.tanh(self.head(x * self.table[...]))


class PortLinen(linen.Module):
    wrong: bool = False

    @linen.compact
    def __call__(self, x):
        table = self.variable("tables", "table", lambda: jnp.asarray(OFF if self.wrong else TABLE, jnp.float32))
        return jnp.tanh(linen.Dense(3, name="head")(x * table.value))


def batch(rng):
    return rng.standard_normal((2, STEPS, WIDTH), dtype=np.float32)


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("wrong", [False, True])
@pytest.mark.parametrize("port", ["linen", "nnx"])
def test_a_wrong_table_is_not_put_right(port, wrong, persistent):
    """Its base is off by 1e-5; a table that is the very same is a match, carried over or not."""
    model = PortLinen(wrong) if port == "linen" else PortNNX(OFF if wrong else TABLE)
    report = verify(Reference(persistent), model, batch, device="cpu", quick=True)
    assert report.verdict == ("mismatch" if wrong else "match")


def test_a_place_that_waits_for_values_gets_them():
    """Zeros are no table."""
    assert verify(Reference(), PortNNX(np.zeros_like(TABLE)), batch, device="cpu", quick=True).verdict == "match"
    prepared = prepare(Pair(Reference(), PortNNX(np.zeros_like(TABLE)), batch))
    assert "table" in prepared.shapes
    assert "table" in prepare(Pair(Reference(), PortNNX(OFF), batch)).constants


def test_statistics_are_carried_over():
    """Whatever the port comes with: a model that has been trained elsewhere."""
    reference = torch.nn.Sequential(torch.nn.BatchNorm1d(WIDTH))
    reference[0].running_mean += torch.from_numpy(TABLE[1].astype(np.float32))

    class Norm(nnx.Module):
        def __init__(self):
            self.norm = nnx.BatchNorm(WIDTH, rngs=nnx.Rngs(0))
            self.norm.mean[...] = jnp.asarray(OFF[1], jnp.float32)

        def __call__(self, x):
            return self.norm(x)

    prepared = prepare(Pair(reference, Norm(), lambda rng: rng.standard_normal((6, WIDTH), dtype=np.float32)))
    assert {"0.running_mean", "0.running_var"} <= set(prepared.shapes)
