"""What a reference notes of its own run."""

import numpy as np
import pytest
import torch

from compare.pair.prepare import prepare
from compare.sides.noting_reference import NotingReference
from compare.verdict.precision import FLOAT32
from tests.compare.small import loose_pair


def plain(p, x):
    return torch.tanh(x @ p["w"])


def low(p, x):
    return torch.tanh((x.bfloat16() @ p["w"].bfloat16()).to(x.dtype))


def noted(reference, shared=None):
    pair = loose_pair(reference, plain, weights=lambda rng: {"w": rng.standard_normal((4, 2))})
    prepared = prepare(pair)
    entering = prepared.enter(0, 1).at(FLOAT32)
    side = NotingReference(prepared, FLOAT32, torch.device("cpu"), shared)
    result = side.run(entering)
    return side.book, result


def test_a_model_in_its_own_precision_rounds_nothing():
    """Its products are counted all the same."""
    book, result = noted(plain)
    assert book.roundings == []
    assert sum(one.total for one in book.operands.values()) == 2
    assert np.isfinite(result["output"]).all()


@pytest.mark.parametrize(("shared", "name"), [(None, "w"), ({"w": "kernel"}, "kernel")])
def test_a_cast_is_noted_at_its_line_and_place(shared, name):
    """Of the input and of the weight, under the names that both sides have."""
    book, _ = noted(low, shared)
    (x, weight) = sorted(book.roundings, key=lambda one: "input.input0" not in one.reach)
    assert {frozenset(x.reach), frozenset(weight.reach)} == {frozenset({"input.input0"}), frozenset({name})}
    assert all(one.step.format == "bfloat16" and "test_noting_reference.py" in one.step.place for one in (x, weight))


def test_a_weight_that_is_not_shared_is_in_no_place():
    """The port has none of that name."""
    book, _ = noted(low, {})
    assert {frozenset(one.reach) for one in book.roundings} == {frozenset({"input.input0"}), frozenset()}
