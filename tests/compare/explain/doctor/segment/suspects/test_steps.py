"""Steps of the reference taken with another tensor too: each is named, and what is no such function is left alone."""

import jax.numpy as jnp
import pytest
import torch
from torch import nn

from compare.explain.calls.change import recorded
from compare.explain.doctor.segment.suspects.steps import stretches
from compare.explain.doctor.segment.tensor_flow import flow_of
from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of, sound

X = drawn(3, 5, 4)


def turned(m, join, x):
    angle = 0.7 * m.arange(5.0)[:, None] if m is jnp else 0.7 * m.arange(5, dtype=x.dtype)[:, None]
    return x * m.cos(angle) + join((-x[..., 2:], x[..., :2]), -1) * m.sin(angle)


class Rotated(nn.Module):
    """Queries and keys are rotated, values are not."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(4, 4) for _ in range(3))

    def forward(self, x):
        q, k, v = turned(torch, torch.cat, self.q(x)), turned(torch, torch.cat, self.k(x)), self.v(x)
        return torch.softmax(q @ k.transpose(-2, -1), -1) @ torch.tanh(v)


def rotated(values=False, once_more=False):
    def port(p, x):
        q, k, v = (x @ p[f"{name}.weight"].T + p[f"{name}.bias"] for name in "qkv")
        q, k = (turned(jnp, jnp.concatenate, one) for one in (q, k))
        q = turned(jnp, jnp.concatenate, q) if once_more else q
        v = turned(jnp, jnp.concatenate, v) if values else v
        powers = jnp.exp(q @ k.swapaxes(-2, -1))
        return powers / powers.sum(-1, keepdims=True) @ jnp.tanh(v)

    return port


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"values": True}, "too what the reference does with the result of linear by q.weight"),
        ({"once_more": True}, "does once more"),
    ],
)
def test_what_goes_through_the_same_steps_is_named(options, text):
    """With the steps' own tables, whatever tensors they take beside."""
    module = moved(Rotated())
    sound(scene_of(module, [X], rotated()))
    assert text in holds(scene_of(module, [X], rotated(**options)), "steps").causes[0].text


def test_what_is_used_elsewhere_too_is_no_function():
    """A tensor in the middle that another call takes: no stretch leads past it."""

    class Open(nn.Module):
        def forward(self, x):
            middle = torch.sin(x)
            return torch.cos(middle) * middle.sum()

    with recorded(Open()) as calls:
        Open()(torch.from_numpy(X))
    names = [[call.name for call in steps.calls] for steps in stretches(flow_of_calls(calls))]
    assert ["sin", "cos", "sum", "mul"] in names
    assert ["sin", "cos"] not in names


def flow_of_calls(calls):
    class Held:
        def __init__(self):
            self.calls, self.cleared = tuple(calls), ()

    return flow_of(Held())
