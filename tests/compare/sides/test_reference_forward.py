"""Copies of the reference's module with what enters: told the mode, and with other values where that is asked for."""

import numpy as np
import pytest
import torch

from compare.pair.prepare import prepare
from compare.sides.reference import ReferenceSide
from compare.sides.reference_forward import ReferenceForward, has_gradient, tensors_by_name
from compare.verdict.precision import FLOAT32, FLOAT64
from tests.compare.small import norm_pair

USERS_MODELS = True


class Tabled(torch.nn.Module):
    """A buffer, and an attribute that is none, one layer down."""

    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(2, 2)
        self.inner.register_buffer("table", torch.ones(2))
        self.inner.held = torch.ones(3)


def forward_of(pair, cpu, precision=FLOAT64, **fields):
    return ReferenceForward(prepare(pair), precision, cpu.torch, **fields)


def test_a_copy_holds_what_enters_in_the_mode_asked_for(cpu):
    """Weights and buffers at the precision; the pair's own module is as it was."""
    pair = norm_pair()
    forward, entering = forward_of(pair, cpu), prepare(pair).enter(0, 1).at(FLOAT32)
    for mode in (True, False):
        module = forward.load(entering, mode)
        assert module.training is mode
        for name, array in (entering.weights | entering.buffers).items():
            np.testing.assert_array_equal(module.state_dict()[name].numpy(), array.astype(np.float64))
    assert pair.reference[1].weight.dtype == torch.float32


def test_other_values_stand_in_the_place_of_buffers_and_attributes(cpu, monkeypatch):
    """By their dotted names."""
    pair = norm_pair()
    forward = forward_of(pair, cpu, replaced={"inner.table": np.full(2, 5.0), "inner.held": np.full(3, 7.0)})
    entering = prepare(pair).enter(0, 1).at(FLOAT32)
    monkeypatch.setattr(type(forward.prepared.reference), "copy", lambda *_: Tabled())
    module = forward.load(entering)
    assert (module.inner.table == 5).all()
    assert (module.inner.held == 7).all()
    assert "table" in dict(module.inner.named_buffers())


def test_a_recurrent_layer_is_differentiated_in_evaluation_too(cpu, monkeypatch):
    """In training mode without dropout, which computes the same and is the one that cuDNN differentiates."""
    forward = forward_of(norm_pair(), cpu)
    monkeypatch.setattr(type(forward.prepared.reference), "copy", lambda *_: torch.nn.LSTM(2, 2, 2, dropout=0.5))
    entering = forward.prepared.enter(0, 1)
    assert (forward.load(entering, False).training, forward.load(entering, False).dropout) == (True, 0.0)
    assert forward.load(entering, True).dropout == 0.5


def test_the_loss_is_that_of_the_run(cpu):
    """What the tape is taken of is what is judged."""
    pair = norm_pair(loss=(lambda out: out.square().sum(), lambda out: (out**2).sum()))
    side = ReferenceSide(prepare(pair), FLOAT32, cpu.torch)
    entering = side.prepared.enter(0, 1).at(FLOAT32)
    module, (inputs, targets) = side.load(entering, True), side.batch(entering.batches[0])
    loss = side.loss(module, entering.batches[0], inputs, targets)
    assert float(loss.detach()) == pytest.approx(float(side.run(entering, True)["loss"]), rel=1e-6)


def test_outputs_are_named_and_numbers_are_tensors():
    named = tensors_by_name({"logits": torch.ones(2), "count": 3, "spectrum": torch.ones(3, dtype=torch.complex64)})
    shapes = {name: tuple(one.shape) for name, one in named.items()}
    assert shapes == {"output/logits": (2,), "output/count": (), "output/spectrum": (3,)}
    assert [has_gradient(one) for one in named.values()] == [True, False, True]
