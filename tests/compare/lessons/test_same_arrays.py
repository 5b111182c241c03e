"""Which statements do the same, by what they made."""

import numpy as np
import pytest

from compare.lessons.same_arrays import facing, same
from compare.lessons.sources import Source

LEFT = Source("torchref/x.py", 10, "def f(x):\n    y = x.t()\n    z = y.sum(0)\n    z.relu_()\n    return z\n")
RIGHT = Source("jaxport/x.py", 20, "def f(x):\n    a = g(x)\n    b = h(a)\n    return b\n")
X = np.arange(6.0).reshape(2, 3)


def test_statements_that_made_the_same_arrays_face_each_other():
    """Whatever they are called, and whichever way round the axes are; one side's extra line stands between."""
    ours = {11: [X.T], 12: [X.sum(1)], 13: [X.sum(1) + 1], 14: [X.sum(1) + 1]}
    theirs = {21: [X], 22: [X.sum(1) * (1 + 1e-6)], 23: [X.sum(1) + 1]}
    assert facing(LEFT, RIGHT, ours, theirs, {}) == [(0, 0), (1, 1), (2, 2), (4, 3)]


def test_two_arrays_under_two_names_do_not_face_each_other():
    """Where nothing is shared, only one name for both says that they are meant to."""
    ours, theirs = {11: [X], 12: [X + 1]}, {21: [X + 2], 22: [X + 3]}
    assert facing(LEFT, RIGHT, ours, theirs, {}) == [(0, 0), (4, 3)]


def test_two_values_under_two_names_do_not_face_each_other():
    """Lists and numbers, of which nothing is watched; of two calls what is called counts, not the first argument."""
    left = Source("torchref/x.py", 10, "losses = []\nright.append(f(model, x))\n")
    right = Source("jaxport/x.py", 20, "params, state = carry\nright.append(f(variables, x))\n")
    assert facing(left, right, {11: [X]}, {21: [X + 2]}, {}) == [(1, 1)]
    other = Source("jaxport/x.py", 20, "losses = {}\nwrong.append(f(model, x))\n")
    assert facing(left, other, {11: [X]}, {21: [X + 2]}, {}) == [(0, 0)]


def test_a_pin_is_stronger_than_arrays():
    """By the beginnings of two statements."""
    ours, theirs = {11: [X], 12: [X + 1]}, {21: [X], 22: [X + 1]}
    assert (1, 2) in facing(LEFT, RIGHT, ours, theirs, {"y = ": "b = "})


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (X, X.T, True),
        (X, X * (1 + 1e-6), True),
        (X, X * (1 + 1e-2), False),
        (X, X.reshape(6), False),
        (X > 2, X > 2, True),
        (X > 2, (X > 2).astype(float), False),
        (np.float64(2), np.float64(2), True),
    ],
)
def test_the_same_up_to_rounding_and_axes(one, other, alike):
    """Of one kind, and of one size in each direction."""
    assert same(np.asarray(one), np.asarray(other)) is alike
