"""The pair's loss in torch as a function of its parameters."""

import pytest
import torch

from compare.errors import UsageError
from compare.measure.contrast.ways.given_torch import TorchGiven
from compare.pair.pairs import find
from compare.pair.prepare import prepare
from compare.sides.reference_forward import ReferenceForward
from compare.verdict.precision import FLOAT64


@pytest.fixture
def given(cpu):
    """The small case, in float64."""
    prepared = prepare(find("loose"))
    side = ReferenceForward(prepared, FLOAT64, cpu.torch)
    return TorchGiven(side, prepared.enter(0, 1), frozenset({"W1"}))


def test_the_loss_is_a_function_of_the_parameters(given):
    """Others give another loss, and nothing stays behind."""
    loss, halved = (
        float(given.loss({name: one * by for name, one in given.params.items()}, given.inputs, given.targets))
        for by in (1.0, 0.5)
    )
    assert loss != halved
    assert float(given.loss(given.params, given.inputs, given.targets)) == loss
    assert given.outputs(given.params, given.inputs).shape == (16, 4)


def test_leaves_are_named_as_in_a_module_around_the_loss(given):
    """Whatever it calls what it holds, as a compiled one does."""
    module = torch.nn.Sequential(given.module)
    assert given.named_in(module, given.leaves()).keys() == dict(module.named_parameters()).keys()


def test_an_input_can_be_another(given):
    """All inputs of as many rows; without one of floats there is none to differentiate by."""
    assert given.with_input(given.first_row)["x"].shape == (1, 20)
    given.inputs = {"x": torch.arange(3)}
    with pytest.raises(UsageError, match="no input is of floats"):
        _ = given.floating
