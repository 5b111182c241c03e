"""Where a port goes its own way and makes it good later, it is not cut, and not blamed; faults beside it are found."""

from typing import Any

import jax.numpy as jnp
import pytest
import torch
from flax import linen
from torch import nn

from compare.arrays.batch import Batch
from compare.explain.locate.cuts import OUT, Cut
from compare.explain.locate.difference import BACKWARD, FORWARD
from compare.explain.locate.introduced import introduced
from compare.explain.locate.own_ways import own_ways
from compare.explain.locate.thresholds import WAY_RUNS
from compare.pair.pair import Pair
from compare.weights.entry import linear
from compare.weights.weights import WeightMap
from tests.compare.explain.locate.models import (
    NORM,
    WIDTH,
    LinenDense,
    X,
    cut,
    plainly,
    scaled,
    seeded,
    slightly,
    stopped,
)

ORDER = [Cut(name, 0, OUT, 0) for name in "abcdef"]


def chain(factors: list[float]) -> Any:
    """Layers one after another, each with a factor that the reference lacks: how far they are apart in a run."""

    def apart(opened: set[Cut]) -> dict[Cut, float]:
        runs.append(opened)
        made, went_on = {}, 1.0
        for at, factor in zip(ORDER, factors, strict=True):
            made[at] = abs(went_on * factor - 1)
            went_on = went_on * factor if at in opened else 1.0
        return made

    runs: list[set[Cut]] = []
    return apart, runs


@pytest.mark.parametrize(
    ("factors", "ways"),
    [
        ([1, 1, 1, 1, 1, 1], ""),
        ([1, 2, 1, 1, 1, 1], ""),
        ([1, 2, 0.5, 1, 1, 1], "b"),
        ([1, 2, 1, 1, 0.5, 1], "bcd"),
        ([2, 0.25, 2, 1, 1, 1], "ab"),
        ([3, 1, 2, 0.5, 1, 1], "c"),
        ([2, 0.5, 1, 1, 3, 1], "a"),
        ([2, 0.5, 1, 4, 0.25, 1], "ad"),
        ([2, 0.4, 1, 1, 1, 1], ""),
        ([2, 3, 5, 7, 11, 13], ""),
        ([1, 2, 0.5 * (1 + 1e-5), 1, 1, 1], "b"),
        ([1, 2, 0.5 * (1 + 1e-5), 3, 1 / 3, 1], "bd"),
        ([1, 2, 0.5 * (1 + 1e-2), 1, 1, 1], ""),
    ],
)
def test_a_way_ends_where_the_array_is_the_references_again(factors, ways):
    """Whatever differs beside it; what is not made good is none. Where a way ends at a small fault of its own, next to
    nothing is left there of what the reference's array would make."""
    apart, runs = chain(factors)
    assert own_ways(ORDER, apart) == {Cut(name, 0, OUT, 0) for name in ways}
    assert len(runs) <= 1 + WAY_RUNS


def test_what_is_made_good_in_one_branch_alone_is_a_fault():
    """A norm takes a scale out again; past it the scale goes on."""

    def apart(opened: set[Cut]) -> dict[Cut, float]:
        a, norm, past = ORDER[:3]
        return {a: 1.0, norm: 0.0 if a in opened else 0.5, past: 1.0 if a in opened else 0.0}

    assert own_ways(ORDER[:3], apart) == set()


@pytest.mark.parametrize(("fault", "ways"), [(1.0, "b"), (1.2, "b"), (1.6, ""), (4.0, "")])
def test_a_multiple_that_is_made_good_beside_a_large_fault_is_none(fault, ways):
    """255 times the array, divided again where an activation is another: nearer than beside the reference's own."""
    apart, _ = chain([1, 2, 0.5 * fault, 1, 1, 1])
    assert own_ways(ORDER, apart, multiples={ORDER[1]}) == {Cut(name, 0, OUT, 0) for name in ways}


def test_a_multiple_that_hardly_shows_is_a_fault_all_the_same():
    """A norm takes a scale out again but for its epsilon, which is another: the one says nothing of the other."""

    def apart(opened: set[Cut]) -> dict[Cut, float]:
        a, norm = ORDER[:2]
        return {a: 0.6, norm: 1e-6 if a in opened else 5e-6}

    assert own_ways(ORDER[:2], apart, multiples={ORDER[0]}) == set()


class Scales(nn.Module):
    """Two dense layers and a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.norm = nn.Linear(WIDTH, 4), nn.Linear(4, 4), nn.LayerNorm(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.second(torch.tanh(self.first(x))))


class LinenScales(linen.Module):
    """The first layer gives twice as much, and what takes it up halves it: between the layers, or in the second."""

    inside: bool = False
    between: Any = plainly
    epsilon: float = 1e-5

    @linen.compact
    def __call__(self, x: Any) -> Any:
        x = LinenDense(4, output=scaled(2.0), name="first")(x)
        if self.inside:
            # tanh(x / 2) of twice the array, halved within the layer that takes four times of it.
            x = LinenDense(4, input=scaled(0.25), name="second")(4 * jnp.tanh(x / 2))
        else:
            x = LinenDense(4, name="second")(jnp.tanh(x / 2))
        return linen.LayerNorm(epsilon=self.epsilon, name="norm")(self.between(x))


@pytest.mark.parametrize(
    ("inside", "fault", "expected"),
    [
        (False, {}, []),
        (True, {"epsilon": 1e-6}, [(FORWARD, "norm")]),
        (False, {"between": stopped}, [(BACKWARD, "")]),
        (True, {"between": slightly}, [(BACKWARD, "")]),
    ],
)
def test_a_scale_moved_to_the_next_layer_is_no_fault(inside, fault, expected):
    """Neither forward nor backward; and a fault elsewhere is found beside it."""
    lines = WeightMap(linear("first", "first"), linear("second", "second"), NORM)
    pair = Pair(seeded(Scales), LinenScales(inside, **fault), lambda rng: Batch.of(X), weight_map=lines)
    _, sections = cut(pair)
    assert [(one.direction, one.owner) for one in introduced(sections)] == expected
    assert "first" not in {one.cut.path for one in sections.crossings if one.cut.way == OUT}
