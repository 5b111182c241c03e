"""Batches drawn as they are asked for: each once, the same however often, whether held or put aside."""

import numpy as np
import pytest

from compare.arrays import several
from compare.arrays.batch import Batch
from compare.arrays.several import Batches, each


def drawing(drawn):
    """An endless recipe that notes how far it came, and would make another batch if it were asked again."""
    while True:
        drawn.append(len(drawn))
        yield Batch.of((np.full(3, drawn[-1], np.float32), 7), np.array([drawn[-1]]), bounds={"targets": (0, 100)})


@pytest.mark.parametrize("held", [0, 1 << 20])
def test_each_is_drawn_when_it_is_asked_for_and_once(held, monkeypatch):
    """Of more than fit the rest lies on the disk: the same arrays, bounds and constants."""
    monkeypatch.setattr(several, "HELD", held)
    drawn = []
    batches = Batches(drawing(drawn), 10**9)
    assert (len(batches), drawn) == (10**9, [])
    assert batches[0] is batches[0]
    assert drawn == [0]
    assert [one.targets["targets"].item() for one in batches[:4]] == [0, 1, 2, 3]
    assert drawn == [0, 1, 2, 3]
    twice = [one.inputs["input0"][0] for _ in range(2) for one, _ in zip(batches, range(4), strict=False)]
    assert twice == [0, 1, 2, 3] * 2
    assert batches[3].bounds == {"targets": (0, 100)}
    assert batches[3].call(batches[3].inputs)[0][1] == 7
    with pytest.raises(IndexError):
        Batches(drawing([]), 2)[2]


def test_what_is_made_of_each_is_made_when_it_is_asked_for():
    """And in order; a few that are there are changed at once."""
    drawn, rng = [], np.random.default_rng(0)
    moved = each(
        lambda one: one.mapped(lambda _, array: array + rng.random() if array.dtype.kind == "f" else array),
        Batches(drawing(drawn), 5),
    )
    assert not drawn
    assert [one.inputs["input0"][0] for one in moved] == [one.inputs["input0"][0] for one in moved]
    assert isinstance(each(lambda one: one, moved[:2]), tuple)
