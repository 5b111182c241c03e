"""Recurrent layers: each fault a port makes in one is named."""

import jax
import jax.numpy as jnp
import pytest
import torch
from torch import nn

from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of, sound

X = drawn(2, 5, 3)


def split(p, gates, order=None, suffix=""):
    """Each gate's (w_ih, w_hh, b_ih, b_hh), the packed blocks read in ``order``."""
    names = [f"{name}_l0{suffix}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    blocks = [jnp.split(p[name], len(gates)) for name in names]
    order = order or gates
    return {gate: [block[order.index(gate)] for block in blocks] for gate in gates}


def run(cell, x, size, state=1):
    h = [jnp.zeros((len(x), size))] * state
    out = []
    for step in range(x.shape[1]):
        h = cell(x[:, step], *h)
        out.append(h[0])
    return jnp.stack(out, 1)


def lstm(order=None, hidden=1, inner=1, forget=0, turned=False, suffix=""):
    def port(p, x):
        own = split(p, "ifgo", order, suffix)

        def gate(name, x, h):
            w, u, b, c = own[name]
            return x @ w.T + h @ (u if turned else u.T) + inner * b + hidden * c + forget * (name == "f")

        def cell(x, h, c):
            i, f, o = (jax.nn.sigmoid(gate(name, x, h)) for name in "ifo")
            c = f * c + i * jnp.tanh(gate("g", x, h))
            return o * jnp.tanh(c), c

        return run(cell, x, 4, 2)

    return port


class Sequence(nn.Module):
    """The outputs alone."""

    def __init__(self, kind, **options):
        super().__init__()
        self.rnn = kind(3, 4, batch_first=True, **options)

    def forward(self, x):
        return self.rnn(x)[0]


def within(port):
    return lambda p, x: port({name.removeprefix("rnn."): one for name, one in p.items()}, x)


LSTM = [
    ("gate order", "igfo", lstm("igfo")),
    ("gate order", "ifog", lstm("ifog")),
    ("gate order", "ofig", lstm("ofig")),
    ("hidden bias", "none", lstm(hidden=0)),
    ("input bias", "none", lstm(inner=0)),
    ("bias", "none", lstm(hidden=0, inner=0)),
    ("forget bias", "plus 1", lstm(forget=1)),
    ("transposed", "transposed", lstm(turned=True)),
    ("direction", "backwards", lambda p, x: lstm()(p, x[:, ::-1])[:, ::-1]),
]


@pytest.mark.parametrize(("setting", "value", "port"), LSTM, ids=[f"{row[0]} {row[1]}" for row in LSTM])
def test_an_lstm(setting, value, port):
    """Gates, biases, direction."""
    module = moved(Sequence(nn.LSTM))
    sound(scene_of(module, [X], within(lstm())))
    holds(scene_of(module, [X], within(port)), setting, value)


def gru(order=None, hidden=1, candidate="inside", keeps=True, before=False):
    def port(p, x):
        own = split(p, "rzn", order)

        def gate(name, x, h):
            w, u, b, c = own[name]
            return x @ w.T + h @ u.T + b + hidden * c

        def cell(x, h):
            r, z = jax.nn.sigmoid(gate("r", x, h)), jax.nn.sigmoid(gate("z", x, h))
            w, u, b, c = own["n"]
            inner = (r * h) @ u.T if before else r * (h @ u.T)
            bias = {"inside": c if before else r * c, "none": 0, "outside": c}[candidate] * hidden
            n = jnp.tanh(x @ w.T + b + inner + bias)
            return ((1 - z) * n + z * h,) if keeps else (z * n + (1 - z) * h,)

        return run(cell, x, 4)

    return port


GRU = [
    ("gate order", "zrn", gru("zrn")),
    ("gate order", "nzr", gru("nzr")),
    ("hidden bias", "none", gru(hidden=0)),
    ("b_hn", "none", gru(candidate="none")),
    ("b_hn", "outside", gru(candidate="outside")),
    ("update gate", "keeps the new", gru(keeps=False)),
    ("reset gate", "before the product", gru(before=True)),
]


@pytest.mark.parametrize(("setting", "value", "port"), GRU, ids=[f"{row[0]} {row[1]}" for row in GRU])
def test_a_gru(setting, value, port):
    """Its candidate's bias above all."""
    module = moved(Sequence(nn.GRU))
    sound(scene_of(module, [X], within(gru())))
    holds(scene_of(module, [X], within(port)), setting, value)


@pytest.mark.parametrize("turned_back", [True, False])
def test_both_directions(turned_back):
    """What the backward direction makes is in the order of time again."""

    def port(p, x):
        back = lstm(suffix="_reverse")(p, x[:, ::-1])
        return jnp.concatenate([lstm()(p, x), back[:, ::-1] if turned_back else back], -1)

    scene = scene_of(moved(Sequence(nn.LSTM, bidirectional=True)), [X], within(port))
    sound(scene) if turned_back else holds(scene, "keep_order", "as computed")


def test_the_directions_joined_the_other_way_round():
    """Backwards first."""

    def port(p, x):
        return jnp.concatenate([lstm(suffix="_reverse")(p, x[:, ::-1])[:, ::-1], lstm()(p, x)], -1)

    scene = scene_of(moved(Sequence(nn.LSTM, bidirectional=True)), [X], within(port))
    holds(scene, "direction", "(backwards, forwards)")


class Stated(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(3, 4, batch_first=True)

    def forward(self, x, h):
        return self.rnn(x, h)[0]


def test_a_first_state_that_the_port_leaves_out():
    """It begins with zero."""
    scene = scene_of(moved(Stated()), [X, drawn(1, 2, 4)], lambda p, x, h: within(gru())(p, x))
    holds(scene, "initial state", "zero")


class Cell(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRUCell(3, 4)

    def forward(self, x):
        return self.cell(x, torch.tanh(x.repeat(1, 2)[:, :4]))


def test_a_cell():
    """The same faults in a loop of the user's own."""

    def port(p, x):
        named = {f"{name.removeprefix('cell.')}_l0": one for name, one in p.items()}
        own = split(named, "rzn")
        h = jnp.tanh(jnp.tile(x, (1, 2))[:, :4])
        r, z = (jax.nn.sigmoid(x @ own[g][0].T + own[g][2] + h @ own[g][1].T + own[g][3]) for g in "rz")
        n = jnp.tanh(x @ own["n"][0].T + own["n"][2] + r * (h @ own["n"][1].T))
        return (1 - z) * n + z * h

    holds(scene_of(moved(Cell()), [drawn(2, 3)], port), "b_hn", "none")
