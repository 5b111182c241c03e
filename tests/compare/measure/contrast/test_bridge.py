"""The program without a tape beside the tape: the same operations, whose nodes they are."""

from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn

from compare.measure.contrast.contrast import contrast
from compare.pair.pairs import find
from tests.compare.measure.contrast.test_facing import FlaxDoubled, FlaxRegular, Regular, of

USERS_MODELS = True


@pytest.fixture(scope="module")
def made(cpu):
    """The small case."""
    return contrast(find("loose"), cpu)


def faced(made, name):
    """By half the operations that face the nodes of that name."""
    nodes = {at for at, node in enumerate(made.tape) if node.name == name}
    return {
        half: Counter(row.name for row in made.bridge if row.half == half and nodes & set(row.nodes))
        for half in ("loss", "gradient")
    }


def test_each_operation_faces_the_node_that_it_would_have_made(made):
    """A product forward, three backward: the batch has no gradient."""
    assert faced(made, "MmBackward0") == {"loss": {"mm": 2}, "gradient": {"mm": 3}}
    assert faced(made, "ReluBackward0") == {"loss": {"relu": 1}, "gradient": {"threshold_backward": 1}}
    assert all(row.why != "fused" for row in made.bridge)


def test_dropout_draws_the_same_mask(cpu):
    """What computes faces the tape; what draws says so; the cotangent of a pair without a loss is nobody's."""
    made = contrast(of(Regular, FlaxRegular(), accept=("running_variance",)), cpu)
    assert made.bridge_message == ""
    computing = [row for row in made.bridge if row.why in ("", "fused")]
    assert len([row for row in computing if row.nodes]) / len(computing) >= 0.9
    assert {row.why for row in made.bridge if row.name.startswith("bernoulli")} == {"random"}
    assert faced(made, "AddmmBackward0")["loss"] == {"addmm": 2}


class Tripled(torch.autograd.Function):
    """A rule of one's own in the old form."""

    @staticmethod
    def forward(ctx, x):
        return 3 * x

    @staticmethod
    def backward(ctx, gradient):
        return 3 * gradient


class Ruled(nn.Module):
    """With it."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x):
        return Tripled.apply(self.layer(x))


def test_what_torch_func_does_not_take_is_said(cpu):
    """With what it raised; all else is there."""
    made = contrast(of(Ruled, FlaxDoubled(), np.ones((5, 4), np.float32)), cpu)
    assert made.bridge == ()
    assert "setup_context" in made.bridge_message
    assert made.tape
