"""Recurrent layers: packed gates against a layer for each, and two biases against their sum."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest
from flax import linen, nnx
from torch import nn

from compare.errors import UsageError
from compare.weights.mapping.gates import Gate, packed, port_gates, spare_biases, summed_biases
from tests.compare.weights.mapping.carry import carried, normal, summed


class First(nn.Module):
    """The steps' results alone."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


class Layers(linen.Module):
    cell: type
    depth: int = 1
    both: bool = False

    @linen.compact
    def __call__(self, x):
        for _ in range(self.depth):
            forward = linen.RNN(self.cell(5))
            backward = linen.RNN(self.cell(5))
            x = linen.Bidirectional(forward, backward)(x) if self.both else forward(x)
        return x


@pytest.mark.parametrize("cell", [linen.LSTMCell, linen.OptimizedLSTMCell])
@pytest.mark.parametrize(("depth", "both"), [(1, False), (2, False), (1, True), (2, True)])
def test_lstm(cell, depth, both):
    reference = First(nn.LSTM(5, 5, depth, batch_first=True, bidirectional=both))
    found = carried(reference, Layers(cell, depth, both), normal(2, 4, 5))
    assert summed(found) == tuple(
        f"layer.bias_ih_l{at}{way}" for at in range(depth) for way in ("", "_reverse")[: 1 + both]
    )


def test_gru_keeps_the_two_biases_of_its_candidate_apart():
    found = carried(First(nn.GRU(5, 5, batch_first=True)), Layers(linen.GRUCell), normal(2, 4, 5))
    gates = [entry.port.split("/")[-2] for entry in found.weight_map.entries if entry.summed]
    assert gates == ["ir", "iz"]


def test_a_gru_cell_without_the_second_bias_is_another_function():
    port = nnx.RNN(nnx.GRUCell(5, 5, rngs=nnx.Rngs(0)))
    with pytest.raises(UsageError, match=r"layer.bias_hh_l0 .* has no counterpart"):
        carried(First(nn.GRU(5, 5, batch_first=True)), port, normal(2, 4, 5))


@pytest.mark.parametrize("cell", [nnx.LSTMCell, nnx.OptimizedLSTMCell])
def test_nnx_lstm(cell):
    port = nnx.RNN(cell(4, 5, rngs=nnx.Rngs(0)))
    carried(First(nn.LSTM(4, 5, batch_first=True)), port, normal(2, 3, 4))


class Scanned(eqx.Module):
    """An Equinox cell over the steps of one row: its arrays are packed and named as torch's."""

    cell: eqx.Module

    def __call__(self, x):
        zeros = jnp.zeros(5, x.dtype)
        lstm = isinstance(self.cell, eqx.nn.LSTMCell)

        def step(carry, one):
            carry = self.cell(one, carry)
            return carry, carry[0] if lstm else carry

        return jax.lax.scan(step, (zeros, zeros) if lstm else zeros, x)[1]


@pytest.mark.parametrize(
    ("reference", "cell", "added"),
    [
        (nn.LSTM, eqx.nn.LSTMCell, ["bias"]),
        (nn.GRU, eqx.nn.GRUCell, ["bias", "bias"]),  # of the reset and the update gate; the candidate keeps both
    ],
)
def test_equinox_cells_hold_the_sum_of_two_biases(reference, cell, added):
    port = Scanned(cell(4, 5, key=jax.random.key(0)))
    found = carried(
        First(reference(4, 5, batch_first=True)), (lambda port, x: jax.vmap(port)(x), port), normal(2, 3, 4)
    )
    assert [entry.port.rpartition("/")[2] for entry in found.weight_map.entries if entry.summed] == added
    assert {entry.reference for entry in found.weight_map.entries if entry.summed} == {"layer.bias_hh_l0"}


def test_a_cell_is_told_by_its_class_and_torchs_names():
    """Arrays so named in a class of another name say nothing."""
    paths = ["params/cell/weight_ih", "params/cell/weight_hh", "params/cell/bias", "params/cell/bias_n"]
    gates = port_gates(paths, {"cell": eqx.nn.GRUCell(4, 5, key=jax.random.key(0))})
    assert [gate.name for gate in gates["params/cell/bias"]] == ["r", "z", "n"]
    assert gates["params/cell/bias_n"] == (Gate("hh", "n", "params/cell", True),)
    assert {gate.source for gate in gates["params/cell/weight_hh"]} == {"hh"}
    assert port_gates(paths, {"cell": object()}) == {}


def test_a_plain_recurrent_layer():
    carried(First(nn.RNN(4, 4, batch_first=True)), nnx.RNN(nnx.SimpleCell(4, 4, rngs=nnx.Rngs(0))), normal(2, 3, 4))


def lstm(bias):
    """An LSTM by hand, packed as torch packs it, with two biases or with their sum."""

    def apply(params, x):
        def step(carry, x):
            c, h = carry
            gates = x @ params["w_ih"] + h @ params["w_hh"] + sum(params[name] for name in bias)
            i, f, g, o = jnp.split(gates, 4, axis=-1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (c, h), h

        start = jnp.zeros((x.shape[0], 5), x.dtype)
        return jax.lax.scan(step, (start, start), x.swapaxes(0, 1))[1].swapaxes(0, 1)

    return apply, {"w_ih": jnp.ones((5, 20)), "w_hh": jnp.ones((5, 20))} | {name: jnp.ones(20) for name in bias}


@pytest.mark.parametrize("bias", [("b_ih", "b_hh"), ("b",)])
def test_an_lstm_by_hand(bias):
    found = carried(First(nn.LSTM(5, 5, batch_first=True)), lstm(bias), normal(2, 3, 5))
    assert bool(summed(found)) == (len(bias) == 1)


@pytest.mark.parametrize(
    ("layers", "gates"),
    [("ii if ig io hi hf hg ho", "ifgo"), ("ir iz in hr hz hn", "rzn")],
)
def test_a_cell_is_told_by_the_names_of_its_layers(layers, gates):
    paths = [f"params/cell/{layer}/kernel" for layer in layers.split()] + ["params/other/ii/kernel"]
    found = port_gates(paths, {})
    assert found[f"params/cell/h{gates[1]}/kernel"] == (Gate("hh", gates[1], "params/cell"),)
    assert len(found) == 2 * len(gates), "one layer of that name makes no cell"


def test_a_cell_that_packs_its_gates_is_told_by_its_class():
    class OptimizedLSTMCell:
        pass

    paths = ["params/cell/dense_i/kernel", "params/cell/dense_h/kernel", "params/cell/dense_h/bias"]
    found = port_gates(paths, {"cell": OptimizedLSTMCell()})
    assert [gate.name for gate in found[paths[0]]] == ["i", "f", "g", "o"]
    assert {gate.source for gate in found[paths[0]]} == {"ih"}
    assert [found[path][0].bias for path in paths] == [False, False, True]
    assert packed(found[paths[2]]) == Gate("hh", "ifgo", "params/cell", True)


def test_a_bias_is_spare_where_the_port_has_the_other_alone():
    mine = [(f"{source}{gate}", Gate(source, gate, "l", True)) for source in ("ih", "hh") for gate in "rn"]
    theirs = [Gate("ih", "r", "c", True), Gate("ih", "n", "c", True), Gate("ih", "z", "c")]
    assert spare_biases(mine, theirs) == {"hhr": "ih"}, "of a candidate both are needed"
    both = [Gate(source, "r", "c", True) for source in ("ih", "hh")]
    assert spare_biases(mine, both) == {}


def test_the_ways_in_which_two_biases_are_one():
    gates = {f"l.bias_{source}": tuple(Gate(source, gate, "l", True) for gate in "rzn") for source in ("ih", "hh")}
    ways = summed_biases(gates, dict.fromkeys(gates, 12))
    said = [(way[0].first, way[0].second, str(way[0].second_view)) for way in ways]
    assert said == [
        ("l.bias_hh", "l.bias_ih", ""), ("l.bias_hh", "l.bias_ih", "slice (0, 0, 8)"),
        ("l.bias_ih", "l.bias_hh", ""), ("l.bias_ih", "l.bias_hh", "slice (0, 0, 8)"),
    ]  # fmt: skip
    assert len(summed_biases({name: held[:1] for name, held in gates.items()}, dict.fromkeys(gates, 4))) == 2
    assert summed_biases({}, {}) == []
