"""A recurrent layer by the formula is torch's, and with another activation the port's."""

import jax
import jax.numpy as jnp
import pytest
import torch
from torch import nn

from compare.explain.doctor.segment.suspects.unrolled import gru_step, lstm_step, plain_step, unrolled
from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of

X = drawn(2, 5, 4)


class Replaced(torch.overrides.TorchFunctionMode):
    def __init__(self, replacement):
        super().__init__()
        self.replacement = replacement

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func.__name__ in ("lstm", "gru", "rnn_tanh", "lstm_cell", "gru_cell"):
            return self.replacement(func, args, kwargs or {})
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("layer", "step"),
    [
        (nn.LSTM(4, 3, batch_first=True), lstm_step()),
        (nn.LSTM(4, 3, num_layers=2, bidirectional=True), lstm_step()),
        (nn.GRU(4, 3, bias=False), gru_step()),
        (nn.GRU(4, 3, num_layers=2, batch_first=True, bidirectional=True), gru_step()),
        (nn.RNN(4, 3), plain_step(torch.tanh)),
    ],
)
def test_by_the_formula(layer, step):
    """Layers, directions, biases, axes: outputs and last states."""
    layer, x = layer.double(), torch.from_numpy(X)
    plain = layer(x)
    with Replaced(unrolled(step)):
        made = layer(x)
    for one, other in zip(torch.utils._pytree.tree_leaves(plain), torch.utils._pytree.tree_leaves(made), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_a_cell_by_the_formula():
    """One step of it."""
    cell, x = nn.GRUCell(4, 3).double(), torch.from_numpy(X[:, 0])
    plain = cell(x)
    with Replaced(unrolled(gru_step())):
        torch.testing.assert_close(cell(x), plain, rtol=1e-12, atol=1e-12)


def lstm(gate=jax.nn.sigmoid, cell=jnp.tanh):
    def port(p, x):
        h, c, out = jnp.zeros((2, 3)), jnp.zeros((2, 3)), []
        for step in range(x.shape[1]):
            rows = x[:, step] @ p["weight_ih_l0"].T + h @ p["weight_hh_l0"].T + p["bias_ih_l0"] + p["bias_hh_l0"]
            i, f, g, o = jnp.split(rows, 4, -1)
            c = gate(f) * c + gate(i) * cell(g)
            h = gate(o) * cell(c)
            out.append(h)
        return jnp.stack(out, 1)

    return port


@pytest.mark.parametrize(
    ("value", "options"),
    [("hard sigmoid", {"gate": jax.nn.hard_sigmoid}), ("ReLU", {"cell": jax.nn.relu})],
)
def test_another_activation(value, options):
    """In the gates, in the candidate."""
    module = moved(nn.LSTM(4, 3, batch_first=True))
    holds(scene_of(module, [X], lstm(**options)), "activation", value)


def test_another_activation_of_a_plain_layer():
    """Which torch has as an option."""

    def port(p, x):
        h, out = jnp.zeros((2, 3)), []
        for step in range(x.shape[1]):
            rows = x[:, step] @ p["weight_ih_l0"].T + h @ p["weight_hh_l0"].T
            h = jax.nn.relu(rows + p["bias_ih_l0"] + p["bias_hh_l0"])
            out.append(h)
        return jnp.stack(out, 1)

    holds(scene_of(moved(nn.RNN(4, 3, batch_first=True)), [X], port), "activation", "ReLU")
