"""A port that adds 1 to its scales, as Gemma's norm does: weights that have 1 less are right, others are not."""

import jax
import ml_dtypes
import numpy as np
import pytest
import torch
from jax import numpy as jnp
from torch import nn

from compare.api import verify
from compare.checkpoints.checkpoint import Checkpoint
from compare.checkpoints.convert import conversion_between
from compare.checkpoints.files import write
from compare.checkpoints.judged import WeightsAsked, judged_weights
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.verdict.quantity import Verdict
from compare.weights.entry import Entry
from compare.weights.mapping.offsets import offset_lines, offset_of, said_of_offsets
from compare.weights.mapping.units import Unit
from tests.compare.weights.mapping.carry import normal

X = normal(5, 6)


class Normed(nn.Module):
    """Two norms by the root of the mean square; ``plus`` is added to their scales."""

    def __init__(self, plus: float = 0.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.plus, self.fc = plus, nn.Linear(6, 6)
        self.first, self.second = nn.Parameter(torch.randn(6)), nn.Parameter(torch.randn(6))

    def forward(self, x):
        return self.norm(self.fc(self.norm(x, self.first)), self.second)

    def norm(self, x, scale):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * (self.plus + scale if self.plus else scale)


def port(plus):
    def norm(x, scale):
        return x * jax.lax.rsqrt(jnp.mean(x**2, -1, keepdims=True) + 1e-6) * plus(scale)

    return lambda p, x: norm(norm(x, p["first"]) @ p["w"] + p["b"], p["second"])


def leaves(less):
    """The reference's weights as the port keeps them, the scales with so much less."""
    own = {name: tensor.detach().numpy() for name, tensor in Normed().named_parameters()}
    made = {"first": own["first"] - less, "second": own["second"] - less, "w": own["fc.weight"].T, "b": own["fc.bias"]}
    return {name: jnp.asarray(array) for name, array in made.items()}


def pair(reference, plus, less=1.0):
    return Pair(reference, (port(plus), leaves(less)), X)


def one_plus(scale):
    return 1 + scale


def found(ready):
    return {entry.reference: entry.offset for entry in ready.weight_map.entries if entry.offset}


def test_scales_that_have_what_the_port_adds_less_are_right():
    ready = prepare(pair(Normed(), one_plus))
    assert found(ready) == {"first": -1.0, "second": -1.0}
    assert ready.notes == (
        "the port adds 1 to the scale params/first: params/first holds first less 1 (and so 1 more), and your loader "
        "must take it off",
    )
    told = judged_weights(ready, WeightsAsked(asked=True))
    assert told is not None
    assert told.right


def test_so_they_are_in_a_file(tmp_path):
    """Where the pair's own arrays tell nothing."""
    ready = prepare(pair(Normed(), one_plus, less=0.0))
    assert found(ready) == {}
    for less, right in ((1.0, True), (0.0, False)):
        path = tmp_path / f"{less}.npz"
        write(path, Checkpoint("port", "npz", {f"params/{n}": np.asarray(a) for n, a in leaves(less).items()}))
        told = judged_weights(ready, WeightsAsked(asked=True, port=path))
        assert told is not None
        assert told.right is right
        assert "the port adds 1 to the scale params/first" in told.notes[0]


def test_a_conversion_takes_it_off_and_back():
    reference, ready = Normed(), prepare(pair(Normed(), one_plus, less=0.0))
    own = {name: tensor.numpy() for name, tensor in reference.state_dict().items()}
    conversion = conversion_between(ready)
    made, notes = conversion.carried("reference", own)
    np.testing.assert_allclose(made["params/first"], own["first"] - 1)
    assert "your loader must take it off" in notes[0]
    back, _ = conversion.carried("port", made)
    np.testing.assert_allclose(back["first"], own["first"], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("verdict", [Verdict.MATCH, Verdict.MISMATCH])
def test_it_is_the_same_function_of_such_weights_alone(verdict):
    """One that adds 1 to scales as the reference holds them is another."""
    less = 1.0 if verdict is Verdict.MATCH else 0.0
    report = verify(Normed(), (port(one_plus), leaves(less)), X, quick=True)
    assert report.verdict == verdict.value


@pytest.mark.parametrize(
    ("reference", "plus", "less"),
    [
        (Normed(), lambda scale: scale, 1.0),
        (Normed(1.0), one_plus, 1.0),  # both add it
        (Normed(1.0), lambda scale: scale, -1.0),  # a forgotten 1
        (Normed(), lambda scale: 1e-6 + scale, 1e-6),
        (Normed(), lambda scale: 1 - scale, 1.0),
        (Normed(), lambda scale: 1 + 2 * scale, 1.0),
        (Normed(), one_plus, 0.0),
    ],
)
def test_nothing_else_is_made_up_for(reference, plus, less):
    assert found(prepare(pair(reference, plus, less))) == {}


@pytest.mark.parametrize(
    "plus", [lambda scale: scale + 1.0, lambda scale: jnp.ones(6) + scale, lambda scale: scale - -1]
)
def test_however_it_is_added(plus):
    assert len(found(prepare(pair(Normed(), plus)))) == 2


def test_a_complex_number_is_nothing_that_is_added():
    assert found(prepare(pair(Normed(), lambda scale: jnp.real(scale + (1 + 0j))))) == {}


def test_it_counts_where_every_use_adds_the_same():
    def twice(p, x):
        return port(one_plus)(p, x) + 0 * p["first"]

    assert found(prepare(Pair(Normed(), (twice, leaves(1.0)), X))) == {"second": -1.0}


def test_a_unit_of_another_kind_or_an_unknown_sum_has_none():
    def unit(added, kind="scale"):
        return Unit("w", (3,), [], kind, added=added)

    assert offset_of(unit(0.0), unit(2.0)) == -2.0
    assert {offset_of(unit(0.0, kind), unit(1.0, kind)) for kind in ("shift", "matrix", "loose")} == {0.0}
    assert {offset_of(unit(here), unit(there)) for here, there in ((None, 1.0), (0.0, None), (1.0, 1.0))} == {0.0}


def test_a_line_has_it_where_the_values_do_to_rounding():
    line, right = Entry("n", "params/s"), np.array([0.3, 1.7], np.float32)
    near = (right - 1).astype(ml_dtypes.bfloat16)

    def offset(own):
        (made,) = offset_lines([line], {"params/s": -1.0}, {"n": right}, {"params/s": own} if own is not None else {})
        return made.offset

    assert [offset(own) for own in (right - 1, near, right, right - [1, 0], None)] == [-1.0, -1.0, 0.0, 0.0, 0.0]
    assert offset_lines([line], {}, {"n": right}, {"params/s": right - 1}) == (line,)


def test_a_gate_and_a_scale_are_each_said():
    gate = Entry("rnn.bias", "params/b", reason="gates as (i, g, f, o), the port adds 1 to f", offset=-1.0)
    told = said_of_offsets([gate, Entry("n.weight", "params/n/s", offset=-1.0)])
    assert [one.partition(":")[0] for one in told] == [
        "the port adds 1 to its forget gate", "the port adds 1 to the scale params/n/s",
    ]  # fmt: skip
