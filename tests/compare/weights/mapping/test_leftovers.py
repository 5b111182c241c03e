"""What no evidence paired: one name and shape is evidence, words and sizes are guesses."""

import jax.numpy as jnp
import pytest
import torch
from torch import nn

from compare.errors import UsageError
from compare.weights.mapping.find import find
from compare.weights.mapping.leftovers import guesses, identity, plain_name
from tests.compare.weights.mapping.carry import carried, normal


def said(mine, theirs):
    return [(one.lines[0].reference, one.lines[0].port, len(one.lines), one.sure) for one in guesses(mine, theirs)]


def test_the_same_name_and_shape_is_sure():
    assert plain_name("params/blocks/0/w") == "blocks.0.w"
    found = said({"blocks.0.w": (4, 4), "b": (4,)}, {"params/blocks/0/w": (4, 4), "params/b": (4,)})
    assert found == [("blocks.0.w", "params/blocks/0/w", 2, True), ("b", "params/b", 1, True)]


def test_words_and_then_sizes_are_guesses():
    assert said({"a.weight": (2, 3), "c.x": (5,)}, {"params/a/kernel": (3, 2), "params/q": (5,)}) == [
        ("a.weight", "params/a/kernel", 1, False),
        ("c.x", "params/q", 1, False),
    ]


def test_what_is_not_alone_is_not_guessed():
    assert said({"a": (4,), "b": (4,)}, {"params/x": (4,), "params/y": (4,)}) == []
    assert said({"a": (4,)}, {"params/x": (5,)}) == []


class Rolled(nn.Module):
    """A square matrix that torch rolls by an operation that the port writes as two slices side by side."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(4, 4))

    def forward(self, x):
        return x @ torch.roll(self.w, 1, 0)


def port(params, x):
    (name,) = params
    return x @ jnp.roll(params[name], 1, 0)


def test_one_name_maps_what_the_programs_do_not_tell_and_another_must_be_tried():
    x = normal(3, 4)
    found = carried(Rolled(), (port, {"w": jnp.ones((4, 4))}), x)
    assert [entry.explain() for entry in found.weight_map.entries] == ["w -> params/w (same: the same name and shape)"]
    with pytest.raises(UsageError, match=r"w .* of the reference has no counterpart"):
        find(Rolled(), (x,), {}, (port, {"k": jnp.ones((4, 4))}), (x,), {})
    tried = []

    def decide(maps):
        tried.extend(one.weight_map.entries[0].layout for one in maps)
        return len(maps) - 1, ""

    guessed = find(Rolled(), (x,), {}, (port, {"k": jnp.ones((4, 4))}), (x,), {}, decide=decide)
    assert tried[-2:] == ["same", "transpose (1, 0)"]
    assert guessed.weight_map.entries[0].layout == "transpose (1, 0)"
    assert "both functions agree under this one" in guessed.notes[0]


def test_where_every_name_and_shape_is_the_references_that_is_the_map():
    leaves = {"params/a.w": (2, 3), "state/n": (), "state/own": (5,)}
    lines = identity({"a.w": (2, 3), "n": (), "mask": (7,)}, leaves, {"n", "mask", "state/n", "state/own"})
    assert [(line.reference, line.port) for line in lines] == [("a.w", "params/a.w"), ("n", "state/n")]
    assert identity({"a.w": (3, 2)}, {"params/a.w": (2, 3)}, set()) is None
    assert identity({"a.w": (2, 3)}, {"params/a.w": (2, 3), "params/b": ()}, set()) is None


def test_names_that_say_nothing_by_themselves_still_are_the_references():
    """Two matrices on one input, under words that any array has."""

    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.w, self.kernel = nn.Parameter(torch.randn(4, 4)), nn.Parameter(torch.randn(4, 4))

        def forward(self, x):
            return x @ self.w - 2 * (x @ self.kernel)

    def same(params, x):
        return x @ params["w"] - 2 * (x @ params["kernel"])

    def other(params, x):
        return x @ params["b"] - 2 * (x @ params["scale"])

    square = jnp.ones((4, 4))
    found = carried(Two(), (same, {"w": square, "kernel": square}), normal(3, 4))
    assert {entry.reason for entry in found.weight_map.entries} == {"every name and shape is the reference's"}
    with pytest.raises(UsageError, match="say which with rules="):
        find(Two(), (normal(3, 4),), {}, (other, {"b": square, "scale": square}), (normal(3, 4),), {})
