"""Square matrices of which there are too many to be tried together: each is told from the others by itself."""

import jax
import pytest
import torch
from jax import numpy as jnp
from torch import nn

from compare.errors import UsageError
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.weights.mapping.one_by_one import one_by_one
from compare.weights.mapping.settled import Lines
from compare.weights.weights import Entry
from tests.compare.weights.mapping.carry import normal

X, SQUARE = normal(5, 4), (4, 4)


class Squares(nn.Module):
    """Four matrices, no two used alike, two of them one behind the other."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.s, self.t, self.u, self.v = (nn.Parameter(torch.eye(4) + 0.3 * torch.randn(SQUARE)) for _ in range(4))

    def forward(self, x):
        y = x @ torch.linalg.inv(self.s) @ torch.linalg.inv(self.t)
        return y + x @ torch.linalg.matrix_exp(self.u) + torch.tanh(x @ torch.linalg.inv(self.v))


def port(p, x):
    """The exponential's is kept transposed; of the two behind each other one inverse is taken."""
    y = x @ jnp.linalg.inv(p["c"] @ p["a"])
    return y + x @ jax.scipy.linalg.expm(p["b"].T) + jnp.tanh(jnp.linalg.solve(p["d"].T, x.T).T)


LEAVES = {name: jnp.zeros(SQUARE) for name in "abcd"}


def test_each_is_told_while_the_others_are_alike():
    ready = prepare(Pair(Squares(), (port, LEAVES), X))
    lines = {entry.reference: (entry.port, entry.layout) for entry in ready.weight_map.entries}
    assert lines == {
        "s": ("params/a", "same"), "t": ("params/c", "same"), "u": ("params/b", "transpose (1, 0)"),
        "v": ("params/d", "same"),
    }  # fmt: skip
    assert ready.doubted == ()


def test_of_another_function_none_is_told():
    with pytest.raises(UsageError, match="could be"):
        prepare(Pair(Squares(), (lambda p, x: 1.01 * port(p, x), LEAVES), X))


def test_a_leaf_that_is_taken_is_no_candidate_of_the_next():
    lines = Lines([Entry(name, f"params/{name}") for name in "abc"], many=(0, 1, 2))
    shapes, leaves = ({f"{start}{name}": SQUARE for name in "abc"} for start in ("", "params/"))
    asked = []

    def choose(some, name, alike):
        asked.append((name, len(some), sorted(alike)))
        return len(some) - 1  # the last leaf that is left, transposed

    told = one_by_one(lines, shapes, leaves, choose)
    assert [count for _, count, _ in asked] == [6, 4, 2]
    assert {(one.reference, one.port) for one in told.entries} == {
        ("a", "params/c"),
        ("b", "params/a"),
        ("c", "params/b"),
    }
    assert all(one.layout == "transpose (1, 0)" for one in told.entries)
    assert one_by_one(lines, shapes, leaves, lambda *given: None) is None
