"""Square matrices used unlike on both sides: every pairing is tried, and what is refused is told how to write it."""

import re

import jax
import numpy as np
import pytest
import torch
from jax import numpy as jnp
from torch import nn

from compare.arrays.views import transposed
from compare.errors import UsageError
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.weights.mapping.groups import Group
from compare.weights.mapping.paired import arrays_of
from compare.weights.mapping.settled import Settled
from compare.weights.mapping.unlike import unlike
from compare.weights.mapping.user_rules import AppliedRules
from compare.weights.mapping.walk import Walk
from compare.weights.weights import Entry, WeightMap
from tests.compare.weights.mapping.carry import normal

X, SQUARE = normal(5, 4), (4, 4)
LEAVES = {name: jnp.zeros(SQUARE) for name in ("inv", "b", "c")}


class Squares(nn.Module):
    """``w`` through the exponential, ``u`` through its inverse, ``v`` as it is."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.w, self.u, self.v = (nn.Parameter(torch.eye(4) + 0.3 * torch.randn(SQUARE)) for _ in range(3))

    def forward(self, x):
        return x @ torch.linalg.matrix_exp(self.w) + x @ torch.linalg.inv(self.u) + x @ self.v


def port(params, x):
    """The inverse looks like an inverse, the exponential like products; the exponential's is kept transposed."""
    return x @ jnp.linalg.inv(params["inv"]) + x @ jax.scipy.linalg.expm(params["b"].T) + x @ params["c"]


def faulty(params, x):
    return 1.01 * port(params, x)


def test_every_pairing_and_layout_is_tried():
    ready = prepare(Pair(Squares(), (port, LEAVES), X))
    lines = {entry.reference: (entry.port, entry.layout) for entry in ready.weight_map.entries}
    assert lines == {
        "w": ("params/b", "transpose (1, 0)"), "u": ("params/inv", "same"), "v": ("params/c", "same"),
    }  # fmt: skip
    assert "both functions agree under this one" in ready.notes[-1]
    assert ready.doubted == ()


def test_where_nothing_decides_no_rule_is_guessed_and_the_map_that_is_asked_for_works():
    with pytest.raises(UsageError, match="could be params/inv") as refused:
        prepare(Pair(Squares(), (faulty, LEAVES), X))
    told = str(refused.value)
    assert "rules=" not in told
    named = re.search(r"a line for every array: weight_map=WeightMap\(\[Entry\('(\w+)', 'params/\.\.\.'\)", told)
    assert named is not None
    truth = {"w": ("b", transposed(1, 0)), "u": ("inv",), "v": ("c",)}
    assert named[1] in truth
    written = WeightMap([Entry(name, f"params/{leaf}", *view) for name, (leaf, *view) in truth.items()])
    assert prepare(Pair(Squares(), (faulty, LEAVES), X, weight_map=written)).weight_map.entries == written.entries


def left_over(mine, theirs, optional=()):
    """A way in which arrays of these shapes are left over."""

    def arrays(shapes):
        walk = Walk()
        for name, shape in shapes.items():
            walk.opaque([walk.weight(name, shape), walk.input((4,))], (4,))
        return arrays_of(walk, {name: name in optional for name in shapes})

    here, there = arrays(mine), arrays(theirs)
    groups = [Group(here, []), Group([], there)]
    return unlike(Settled(groups, here, there, {}, {}, AppliedRules({}), {}), UsageError("which"))


def test_as_many_of_each_size_or_none():
    ways = left_over(
        {"a": SQUARE, "b": SQUARE, "c": (2, 3)}, {"params/x": SQUARE, "params/y": (3, 2), "params/z": SQUARE}
    )
    pairs = [{one.name: other.name.removeprefix("params/") for one, other in way.sized.items()} for way in ways]
    assert pairs == [{"a": "x", "b": "z", "c": "y"}, {"a": "z", "b": "x", "c": "y"}]
    assert all(str(way.lines().unproved or way.question) == "which" for way in ways)
    assert left_over({"a": SQUARE, "b": SQUARE}, {"params/x": SQUARE}) == []
    assert left_over({"a": SQUARE}, {"params/x": (2, 8)}) == []
    assert left_over({"a": SQUARE}, {}, optional=("a",)) == []


def test_more_than_can_be_tried_are_told_one_by_one_or_left():
    mine, theirs = ({f"{side}{at}": SQUARE for at in range(4)} for side in ("a", "params/x"))
    (way,) = left_over(mine, theirs)
    assert (way.many, len(way.sized)) == (True, 4)
    mine, theirs = ({f"{side}{at}": SQUARE for at in range(12)} for side in ("a", "params/x"))
    assert left_over(mine, theirs) == []
    mine, theirs = ({f"{side}{at}": (2, 3) for at in range(4)} for side in ("a", "params/x"))
    assert len(left_over(mine, theirs)) == 24
    assert len(np.unique([str(way.sized.values()) for way in left_over(mine, theirs)])) == 24
