"""One tensor in the place of another: exchanged, or taken in one place."""

import jax.numpy as jnp
import pytest
import torch
from torch import nn

from compare.explain.calls.change import recorded
from compare.explain.doctor.segment.suspects.flow import Flow
from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of, sound

X = drawn(3, 4, 4)


class Scores(nn.Module):
    """Two projections of one shape, each turned before they meet."""

    def __init__(self):
        super().__init__()
        self.q, self.k = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        q, k = self.q(x).unflatten(-1, (2, 2)).transpose(1, 2), self.k(x).unflatten(-1, (2, 2)).transpose(1, 2)
        return torch.softmax(q @ k.transpose(-2, -1), -1) * (x.sum(-1)[:, None, :, None] + 1)


def scores(exchanged, left_out=False):
    def port(p, x):
        q, k = (
            (x @ p[f"{name}.weight"].T + p[f"{name}.bias"]).reshape(3, 4, 2, 2).swapaxes(1, 2)
            for name in ("kq" if exchanged else "qk")
        )
        powers = jnp.exp(q @ k.swapaxes(-2, -1))
        return powers / powers.sum(-1, keepdims=True) * (x.sum(-1)[:, None, :, None] + 1)

    return port


def test_two_that_are_exchanged_are_named():
    """In words of the layers that they come from, or of the calls that make them."""
    module = moved(Scores())
    sound(scene_of(module, [X], scores(False)))
    assert "exchanged" in holds(scene_of(module, [X], scores(True)), "operands").causes[0].text


class Wrong(nn.Module):
    def forward(self, x):
        first, second = torch.tanh(x), torch.sin(x)
        return first / (second + 3) + torch.cos(second)


@pytest.mark.parametrize("right", [True, False])
def test_another_tensor_of_its_shape_is_named(right):
    """The cosine of the first where the reference has that of the second."""

    def port(p, x):
        first, second = jnp.tanh(x), jnp.sin(x)
        return first / (second + 3) + jnp.cos(second if right else first)

    scene = scene_of(Wrong(), [X], port)
    if right:
        sound(scene)
    else:
        assert holds(scene, "operand").causes[0].port.startswith("the result of tanh")


def test_a_tensor_is_known_again_where_another_call_takes_it():
    """Also where one takes its place in memory that is gone."""
    module = Wrong()
    with recorded(module) as calls:
        module(torch.from_numpy(X))
    flow = Flow(calls)
    assert [call.name for call in flow.takers[calls[1].result.tag]] == ["add", "cos"]
    assert len({call.result.tag for call in calls}) == len(calls)
