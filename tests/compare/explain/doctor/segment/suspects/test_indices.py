"""Tensors of indices: from the end, whole, by another tensor."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from torch import nn

from compare.explain.doctor.segment.diagnose import diagnose
from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of

X, LENGTHS = drawn(4, 5, 3), np.array([5, 3, 4, 2])
NODES, EDGES = drawn(5, 3), np.array([[0, 1, 2, 3, 0, 2, 4], [1, 2, 0, 0, 2, 4, 3]])


class Taking(nn.Module):
    """A function of the input and of integers beside it."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x, integers):
        return torch.tanh(self.function(x, integers))


def by_lengths(x, lengths):
    places = torch.arange(5)[None]
    index = torch.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)
    return x.gather(1, index[..., None].expand_as(x))


def weighed(x, edges):
    source, target = edges
    scores = torch.exp(x[source, 0] * x[target, 1])
    totals = torch.zeros(len(x), dtype=x.dtype).index_add(0, target, scores)
    return scores / totals[target]


def by_source(x, edges):
    source, target = edges
    scores = jnp.exp(x[source, 0] * x[target, 1])
    return scores / jax.ops.segment_sum(scores, source, len(x))[source]


FAULTS = {
    "flipped whole": (by_lengths, lambda x, n: x[:, ::-1], (X, LENGTHS), "index", "backwards along the whole axis"),
    "not flipped": (by_lengths, lambda x, n: x, (X, LENGTHS), "index", "in order"),
    "the last whatever the length": (
        lambda x, n: x[torch.arange(4), n - 1], lambda x, n: x[:, -1], (X, LENGTHS), "index", "the last for all",
    ),
    "over the other end of the edges": (weighed, by_source, (NODES, EDGES), "index", "that of "),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(fault):
    """The setting, and what the port has."""
    function, port, inputs, setting, value = FAULTS[fault]
    cause = holds(scene_of(Taking(function), list(inputs), lambda p, *given: jnp.tanh(port(*given))), setting).causes[0]
    assert value in cause.port


def test_the_right_index_has_no_cause():
    """The same sums on both sides."""
    port = scene_of(Taking(lambda x, n: x[torch.arange(4), n - 1]), [X, LENGTHS],
                    lambda p, x, n: jnp.tanh(x[jnp.arange(4), n - 1]))  # fmt: skip
    assert diagnose(port).causes == ()


def test_rows_of_a_table():
    """A kind that is 0 for all."""
    ids = np.array([[0, 1, 1], [1, 0, 1]])
    holds(scene_of(moved(nn.Embedding(2, 3)), [ids], lambda p, i: p["weight"][0 * i]), "index", "the first for all")


@pytest.mark.parametrize(
    ("function", "port", "value"),
    [
        (lambda x: x[:, 0], lambda x: x.mean(1), "mean"),
        (lambda x: x[:, -1], lambda x: x.sum(1), "sum"),
        (lambda x: x.mean(1), lambda x: x[:, 0], "first entry"),
        (lambda x: x - x.mean(1, keepdim=True), lambda x: x - x[:, -1:], "last entry"),
    ],
)
def test_an_entry_for_the_whole_axis_and_the_other_way_round(function, port, value):
    scene = scene_of(Taking(lambda x, _: function(x)), [X, LENGTHS], lambda p, x, _: jnp.tanh(port(x)))
    holds(scene, "reduction", value)
