"""Views: each step shows the same memory, and a view can be saved."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compare.arrays.views import AS_IS, View, reshaped, transposed
from compare.errors import UsageError

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


def test_the_parts_of_complex_numbers_are_shown_and_written():
    """Along a new last axis, which a reshape may follow; of floats there are none."""
    array = X.reshape(4, 6) + 1j
    imaginary = View((("parts", ()), ("reshape", (2, 2, 6, 2)), ("index", (3, 1))))
    np.testing.assert_array_equal(imaginary.of(array), np.ones((2, 2, 6)))
    imaginary.of(array)[...] = 3
    np.testing.assert_array_equal(array, X + 3j)
    assert (imaginary.of_parts, imaginary.whole, AS_IS.of_parts) == (True, False, False)
    assert View.from_list(json.loads(json.dumps(imaginary.to_list()))) == imaginary
    assert str(imaginary) == "parts, reshape (2, 2, 6, 2), index (3, 1)"
    with pytest.raises(ValueError, match="float64 has no imaginary part"):
        imaginary.of(X)
    with pytest.raises(UsageError, match="parts stands first or nowhere"):
        transposed(1, 0).then("parts", ())
    with pytest.raises(UsageError, match="parts takes a tuple of no integers"):
        AS_IS.then("parts", (1,))


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


@pytest.mark.parametrize(
    ("kind", "how", "line"),
    [
        ("eval", "1", "view: unknown step 'eval': expected one of reshape, transpose, index, slice, flip, parts"),
        ("take", (0, 4), "view: unknown step 'take': expected one of reshape, transpose, index, slice, flip, parts"),
        ("slice", (0, 0, 4.0), "view: slice takes a tuple of three integers, got (0, 0, 4.0)"),
        ("index", (0, 1, 2), "view: index takes a tuple of two integers, got (0, 1, 2)"),
        ("flip", 0, "view: flip takes a tuple of some integers, got 0"),
    ],
)
def test_a_step_that_is_none_is_refused_where_it_is_written(kind, how, line):
    """In one line: what was expected, and what came."""
    with pytest.raises(UsageError, match=f"^{re.escape(line)}$"):
        View().then(kind, how)


@pytest.mark.parametrize("steps", [3, "ab", (1, 2), (("flip", (0,), 1),), [["flip"]], ([["flip"], (0,)],)])
def test_what_are_no_steps_is_refused(steps):
    with pytest.raises(UsageError, match=r"^view: (expected steps, each \(kind, numbers\) as|unknown step)"):
        View(steps)


def test_steps_in_lists_are_steps():
    """Whatever they come in, a view is a key of dictionaries."""
    assert {View([["flip", [0]]])} == {View((("flip", (0,)),))}


def test_a_reshape_stands_first_or_nowhere():
    """After a slice there may be no such view, only a copy."""
    with pytest.raises(UsageError, match="view: reshape stands first or nowhere"):
        View().then("slice", (0, 0, 4)).then("reshape", (6, 4))


def test_a_shape_that_does_not_fit_the_array_is_numpys_to_refuse():
    """What an array is like is known when it comes."""
    with pytest.raises(ValueError, match="cannot reshape"):
        reshaped(5, 5).of(X)
