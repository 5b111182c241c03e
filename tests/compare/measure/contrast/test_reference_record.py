"""The reference's loss and backward pass, as they are recorded."""

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from compare.errors import UsageError
from compare.measure.contrast.reference_record import record_reference
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.verdict.precision import FLOAT32, FLOAT64
from tests.compare.measure.contrast.test_facing import ROWS, FlaxDoubled

USERS_MODELS = True


class Checkpointed(nn.Module):
    """A layer whose activation is made again."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return checkpoint(lambda a: torch.tanh(self.layer(a)) * 2, x, use_reentrant=False)


class Frozen(Checkpointed):
    """No gradient reaches the layer."""

    def forward(self, x):
        return self.layer(x).detach()


def recorded(module, cpu, precision=FLOAT32):
    """Its record, with weights of a layer of the port that need not be the same function."""
    torch.manual_seed(0)
    prepared = prepare(Pair(reference=module, port=FlaxDoubled(), batch=ROWS))
    return record_reference(prepared, prepared.enter(0, 1).at(FLOAT32), precision, cpu)


@pytest.mark.parametrize("precision", [FLOAT32, FLOAT64])
def test_a_checkpoint_keeps_what_enters_it(cpu, precision):
    """The tensors of its nodes are made again; looking at them makes none, and the gradient is there."""
    record = recorded(Checkpointed(), cpu, precision)
    own = {node.name: [held.kept.again for held in node.saved] for node in record.nodes if node.own and not node.leaf}
    assert own["TanhBackward0"] == [True, False]
    assert set(record.gradients) == {"layer.weight", "layer.bias"}


def test_the_harness_is_told_from_the_model(cpu):
    """Without a loss the outputs are multiplied with cotangents and summed: by nobody's code."""
    record = recorded(Checkpointed(), cpu)
    others = {node.name for node in record.nodes if not node.own}
    assert others == {"AddBackward0", "SumBackward0", "MulBackward0"}
    assert [node.name for node in record.nodes if node.own][:2] == ["MulBackward0", "TanhBackward0"]


def test_a_loss_without_parameters_is_refused(cpu):
    """In one line."""
    with pytest.raises(UsageError, match="no parameter of the reference has a part in its loss"):
        recorded(Frozen(), cpu)


class Overwriting(Checkpointed):
    """What a node keeps is written over before it is used."""

    def forward(self, x):
        made = torch.exp(self.layer(x))
        made.add_(1)
        return made


def test_a_backward_pass_that_raises_is_told(cpu):
    """In one line, whose it is."""
    with pytest.raises(UsageError, match=r"backward\(\) of the reference raised .*modified by an inplace operation"):
        recorded(Overwriting(), cpu)
