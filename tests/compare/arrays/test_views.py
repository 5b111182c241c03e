"""Views: each step shows the same memory, and a view can be saved."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.arrays.views import AS_IS, View, reshaped, transposed

X = np.arange(24.0).reshape(4, 6)

STEPS = {
    "as it is": (AS_IS, lambda x: x),
    "reshape": (reshaped(2, 2, 6), lambda x: x.reshape(2, 2, 6)),
    "transpose": (transposed(1, 0), lambda x: x.T),
    "index first": (AS_IS.then("index", (0, 2)), lambda x: x[2]),
    "index last": (AS_IS.then("index", (1, 5)), lambda x: x[:, 5]),
    "slice": (AS_IS.then("slice", (1, 2, 5)), lambda x: x[:, 2:5]),
    "flip": (AS_IS.then("flip", (1,)), lambda x: x[:, ::-1]),
    "flip both": (AS_IS.then("flip", (0, 1)), lambda x: x[::-1, ::-1]),
    "gate of a cell": (reshaped(2, 2, 6).then("index", (0, 1)).then("transpose", (1, 0)), lambda x: x[2:].T),
    "one number": (AS_IS.then("index", (0, 1)).then("index", (0, 3)), lambda x: x[1, 3, ...]),
}


@pytest.mark.parametrize(("view", "plain"), STEPS.values(), ids=STEPS)
def test_a_view_is_what_numpy_says(view, plain):
    """Entry by entry, and writing to it writes to the array: so a copy onto it needs no inverse."""
    array = X.copy()
    np.testing.assert_array_equal(view.of(array), plain(X))
    view.of(array)[...] = -1
    expected = X.copy()
    expected[np.isin(expected, plain(X))] = -1
    np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize(("view", "plain"), STEPS.values(), ids=STEPS)
def test_a_view_can_be_saved(view, plain):
    """As JSON holds it, and back."""
    assert View.from_list(json.loads(json.dumps(view.to_list()))) == view


@pytest.mark.parametrize(("view", "plain"), STEPS.values(), ids=STEPS)
def test_a_view_knows_whether_it_shows_everything(view, plain):
    """An index or a slice leaves entries out; nothing else does."""
    assert view.whole == (plain(X).size == X.size)


def test_a_view_says_its_steps():
    """In the order in which they are taken."""
    assert str(reshaped(2, 2, 6).then("index", (0, 1))) == "reshape (2, 2, 6), index (0, 1)"
    assert str(AS_IS) == ""


@given(st.permutations(range(4)))
def test_any_transpose_comes_back(axes):
    """Copied onto the view of another array and from there back: the same bits."""
    array = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    there = np.empty([array.shape[axis] for axis in axes])
    there[...] = transposed(*axes).of(array)
    back = np.empty_like(array)
    transposed(*axes).of(back)[...] = there
    np.testing.assert_array_equal(back, array)


def test_what_is_no_step_is_refused():
    """A file from elsewhere may name anything."""
    with pytest.raises(KeyError):
        View((("eval", "1"),)).of(X)
    with pytest.raises(ValueError, match="cannot reshape"):
        reshaped(5, 5).of(X)
