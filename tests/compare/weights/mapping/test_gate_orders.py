"""A port's packed gates in another order, which no name tells: every order is there to be tried."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import nn

from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.weights.mapping.find import find
from tests.compare.weights.mapping.carry import normal

X = normal(2, 3, 3)
LEAVES = {"w": jnp.ones((7, 16)), "b": jnp.ones(16)}


class Recurrent(nn.Module):
    """Its last state, so that nothing else is compared."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.rnn = nn.LSTM(3, 4, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(x)[0][:, -1]


def port(order, forget=0.0):
    """As Haiku writes it: input and state through one kernel, the gates side by side in some order."""

    def run(p, x):
        def step(carry, now):
            h, c = carry
            gates = dict(zip(order, jnp.split(jnp.concatenate([now, h], -1) @ p["w"] + p["b"], 4, -1), strict=True))
            c = jax.nn.sigmoid(gates["f"] + forget) * c + jax.nn.sigmoid(gates["i"]) * jnp.tanh(gates["g"])
            return (jax.nn.sigmoid(gates["o"]) * jnp.tanh(c), c), None

        zeros = jnp.zeros((x.shape[0], 4), x.dtype)
        return jax.lax.scan(step, (zeros, zeros), x.swapaxes(0, 1))[0][0]

    return run


def test_the_programs_alone_take_torchs_order():
    found = find(Recurrent(), (X,), {}, (port("ifgo"), LEAVES), (X,), {})
    assert [(entry.reference, entry.port, entry.summed) for entry in found.weight_map.entries] == [
        ("rnn.weight_ih_l0", "params/w", False), ("rnn.weight_hh_l0", "params/w", False),
        ("rnn.bias_ih_l0", "params/b", False), ("rnn.bias_hh_l0", "params/b", True),
    ]  # fmt: skip


def test_every_order_is_there_to_be_tried():
    tried = []
    find(Recurrent(), (X,), {}, (port("igfo"), LEAVES), (X,), {}, decide=lambda maps: (tried.extend(maps), ""))
    assert len(tried) == 48  # with and without what is added to the forget gate
    assert len({tuple(entry.explain() for entry in one.weight_map.entries) for one in tried}) == 48


@pytest.mark.parametrize("order", ["igfo", "ogfi"])
def test_the_order_under_which_both_agree_is_taken(order):
    ready = prepare(Pair(Recurrent(), (port(order), LEAVES), X))
    assert all(entry.reason.endswith(f"; gates as ({', '.join(order)})") for entry in ready.weight_map.entries)
    assert "of 48 both functions agree under this one" in ready.notes[-1]


def test_what_a_port_adds_to_its_forget_gate_is_taken_off_its_bias():
    """As Haiku does; gradients are the same, and weights come back as they were."""
    ready = prepare(Pair(Recurrent(), (port("igfo", 1.0), LEAVES), X))
    assert ready.notes[-3].startswith("the port packs the gates of rnn as (i, g, f, o), torch as (i, f, g, o)")
    assert ready.notes[-2:] == (
        "the port adds 1 to its forget gate: params/b holds rnn.bias_ih_l0 less 1 there, and your loader must take it "
        "off",
        "the map of rnn.bias_hh_l0, rnn.bias_ih_l0, rnn.weight_hh_l0 and 1 more was found by trying: of 48 both "
        "functions agree under this one",
    )
    arrays = {name: np.random.default_rng(0).standard_normal(shape) for name, shape in ready.shapes.items()}
    made = ready.weight_map.to_port(arrays, ready.leaves)
    whole = arrays["rnn.bias_ih_l0"] + arrays["rnn.bias_hh_l0"]
    np.testing.assert_allclose(made["params/b"][8:12], whole[4:8] - 1)
    back = ready.weight_map.to_reference(made, ready.shapes, values=True)
    np.testing.assert_allclose(back["rnn.bias_ih_l0"], whole)
    gradient = ready.weight_map.to_reference({"params/b": made["params/b"]}, ready.shapes)
    np.testing.assert_array_equal(gradient["rnn.bias_ih_l0"][4:8], made["params/b"][8:12])


def test_a_port_that_adds_another_number_agrees_in_no_order():
    notes = prepare(Pair(Recurrent(), (port("igfo", 0.5), LEAVES), X)).notes
    assert "under none of 48 that were tried do both sides agree" in notes[-1]


def test_a_port_with_torchs_two_kernels_has_torchs_order():
    """One that reads them in another is another function."""

    def run(p, x):
        def step(carry, now):
            h, c = carry
            i, g, f, o = jnp.split(now @ p["ih"].T + h @ p["hh"].T + p["b"], 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zeros = jnp.zeros((x.shape[0], 4), x.dtype)
        return jax.lax.scan(step, (zeros, zeros), x.swapaxes(0, 1))[0][0]

    leaves = {"ih": jnp.ones((16, 3)), "hh": jnp.ones((16, 4)), "b": jnp.ones(16)}
    notes = prepare(Pair(Recurrent(), (run, leaves), X)).notes
    assert notes == ("the port holds each recurrent bias as one where the reference adds two",)


class Gated(nn.Module):
    """A GRU, whose candidate has two biases."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.gru = nn.GRU(3, 4, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.gru(x)[0][:, -1]


def two_kernels(order, update=lambda z, n, h: (1 - z) * n + z * h):
    """One for the input, one for the state, with inputs first; every gate has both biases."""

    def run(p, x):
        def step(h, now):
            sides = ((now, p["x"]), (h, p["h"]))
            a, b = (dict(zip(order, jnp.split(y @ q["w"] + q["b"], 3, -1), strict=True)) for y, q in sides)
            z, r = (jax.nn.sigmoid(a[gate] + b[gate]) for gate in "zr")
            return update(z, jnp.tanh(a["n"] + r * b["n"]), h), None

        return jax.lax.scan(step, jnp.zeros((x.shape[0], 4), x.dtype), x.swapaxes(0, 1))[0]

    return run, {name: {"w": jnp.ones((size, 12)), "b": jnp.ones(12)} for name, size in (("x", 3), ("h", 4))}


@pytest.mark.parametrize("order", ["rzn", "zrn"])
def test_two_kernels_of_the_ports_own_have_the_order_that_the_functions_say(order):
    """The biases go with their kernels, whatever is called first."""
    ready = prepare(Pair(Gated(), two_kernels(order), X))
    drawn = {name: normal(*shape) for name, shape in ready.shapes.items()}
    made = ready.weight_map.to_port(drawn, ready.leaves)
    for source, leaf in (("ih", "x"), ("hh", "h")):
        own = dict(zip("rzn", drawn[f"gru.bias_{source}_l0"].reshape(3, 4), strict=True))
        np.testing.assert_array_equal(made[f"params/{leaf}/b"], [one for gate in order for one in own[gate]])
    said = "the port packs the gates of gru as (z, r, n), torch as (r, z, n), and your loader must put them so"
    assert (said in ready.notes) == (order == "zrn") == bool(ready.notes)


def test_torchs_order_needs_no_proof_in_two_kernels():
    """Of another function torch's is taken, which is no news."""
    port = two_kernels("rzn", lambda z, n, h: z * n + (1 - z) * h)
    ready = prepare(Pair(Gated(), port, X))
    assert (ready.notes, ready.doubted) == ((), ())
