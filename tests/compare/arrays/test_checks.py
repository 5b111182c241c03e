"""What a batch refuses, each in one line that says what is expected and what came."""

import numpy as np
import pytest

from compare.arrays.batch import Batch
from compare.errors import UsageError

X = np.ones((6, 4), np.float32)
I = np.arange(6)  # noqa: E741  # integers


REFUSED = [
    (lambda: Batch([X]), "batch: inputs: expected a dictionary of NumPy arrays by name, got a list"),
    (lambda: Batch(X), "batch: inputs: expected a dictionary of NumPy arrays by name, got an ndarray"),
    (lambda: Batch({}), "batch: inputs: expected at least one array to feed both models, got none"),
    (lambda: Batch({3: X}), "batch: inputs: expected names, got 3"),
    (lambda: Batch({"x": [1.0]}), "batch: x: expected a NumPy array, got [1.0]"),
    (
        lambda: Batch({"x": np.array([None])}),
        "batch: x has dtype object: expected floats, complex numbers, integers or booleans",
    ),
    (lambda: Batch({"x": X}, X), "batch: targets: expected a dictionary of NumPy arrays by name, got an ndarray"),
    (lambda: Batch({"x": X}, {"x": X}), "batch: x is an input and a target: give each a name of its own"),
    (lambda: Batch.of(np.ma.masked_array(X, X > 0)), "batch: input0 is a masked array, whose mask no model sees"),
    (lambda: Batch.of((X, X), names=("a", "a")), "batch: two arrays are called a: give each a name of its own"),
    (lambda: Batch.of({"a": {"b": X}, "a.b": X}), "batch: two arrays are called a.b"),
    (lambda: Batch.of(X, names="x"), "batch: names: expected a tuple of names, got 'x'"),
    (lambda: Batch.of(X, names=(3,)), "batch: names: expected a tuple of names, got (3,)"),
    (lambda: Batch.of(I, bounds=[(0, 3)]), "batch: bounds: expected (low, high) by the name of an array, got a list"),
    (lambda: Batch.of(I, bounds=None), "batch: bounds: expected (low, high) by the name of an array, got None"),
    (lambda: Batch.of(I, bounds={"y": (0, 3)}), "batch: bounds for 'y': expected some of input0"),
    (lambda: Batch.of(I, bounds={"input0": 3}), "batch: the bounds of input0: expected (low, high), two integers"),
    (lambda: Batch.of(I, bounds={"input0": (5, 2)}), "low below high, which is not included, got (5, 2)"),
    (lambda: Batch.of(I, bounds={"input0": (5, 5)}), "low below high, which is not included, got (5, 5)"),
    (lambda: Batch.of(I, bounds={"input0": ("a", "b")}), "two integers, low below high, which is not included"),
    (lambda: Batch.of(I, bounds={"input0": (0.5, 3.5)}), "got (0.5, 3.5)"),
    (lambda: Batch.of(X, bounds={"input0": (0, 3)}), "expected an array of integers, got float32"),
    (
        lambda: Batch.of(np.array([[1, 2, 9]]), bounds={"input0": (0, 5)}),
        "the bounds of input0: expected the half-open range of its values, which go from 1 to 9, got (0, 5)",
    ),
    (lambda: Batch.of(I, bounds={"input0": (0, 2**40)}), "the bounds of input0: expected integers that int32 holds"),
    (lambda: Batch.of(X, axes=7), "batch: axes: expected an axis of input0 (6, 4), or None, got 7"),
    (lambda: Batch.of(X, axes=-3), "batch: axes: expected an axis of input0 (6, 4), or None, got -3"),
    (lambda: Batch.of(X, axes=True), "batch: axes: expected an axis, or one for each name, got True"),
    (lambda: Batch.of(X, axes="x"), "batch: axes: expected an axis, or one for each name, got 'x'"),
    (lambda: Batch.of(X, axes=[0]), "batch: axes: expected an axis, or one for each name, got [0]"),
    (lambda: Batch.of(X, axes={"input0": 9}), "the axis of input0: expected an axis of input0 (6, 4), or None, got 9"),
    (lambda: Batch.of(X, axes={"input0": "z"}), "the axis of input0: expected an axis, or one for each name, got 'z'"),
    (lambda: Batch.of(X, axes={"y": 0}), "batch: axes for 'y': expected some of input0"),
]


@pytest.mark.parametrize(("make", "words"), REFUSED, ids=[words[:40] for _, words in REFUSED])
def test_what_no_batch_can_be_is_refused_where_it_is_made(make, words):
    with pytest.raises(UsageError) as raised:
        make()
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_one_axis_for_all_is_that_of_some_input():
    """Another input, a scalar or a target may have fewer axes; the last axis may be counted from the end."""
    batch = Batch({"x": X, "scale": np.float32(3)}, {"y": I}, axes=1)
    assert (batch.axis("x"), batch.axis("scale"), batch.axis("y")) == (1, None, None)
    assert Batch.of(X, axes=-1).axis("input0") == 1
    assert Batch.of(np.float32(3)).axis("input0") is None


def test_targets_may_lie_outside_of_their_bounds():
    """A label that the loss ignores, such as -100, is no label that is drawn."""
    assert Batch.of(X, np.array([0, -100]), bounds={"targets": (0, 10)}).bounds == {"targets": (0, 10)}
