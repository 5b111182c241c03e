"""One array beside what it should be: which of several likely words is taken first, and what tells."""

import ml_dtypes
import numpy as np
import pytest

from compare.arrays.views import AS_IS
from compare.weights.own.line import ExpectedLine, own_line
from compare.weights.own.other_lines import OtherLines

VALUES = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
NONE = OtherLines({})


def line(right, given, **more):
    return own_line(ExpectedLine("w", ("weight",), right, **more), given, NONE)


@pytest.mark.parametrize(
    ("right", "given", "kind", "tells"),
    [
        (VALUES, VALUES, "equal", True),
        (np.zeros(3), np.zeros(3), "equal", False),
        (np.zeros(3), np.ones(3), "constant", False),
        (np.full(3, 0.5), np.full(3, 0.5), "equal", False),
        (np.full(3, 0.5), np.full(3, 0.7), "another value", False),
        (VALUES, VALUES + VALUES**2, "another value", False),
        (VALUES, None, "missing", False),
        (np.float32(2.5), np.float32(2.5), "equal", False),
        (np.zeros((0, 3)), np.zeros((0, 3)), "equal", False),
    ],
)
def test_what_it_is_and_whether_it_tells(right, given, kind, tells):
    """A constant agrees by chance: it shows nobody's weights."""
    found = line(np.asarray(right), None if given is None else np.asarray(given))
    assert (found.kind, found.tells) == (kind, tells)


def test_a_single_number_is_shown():
    assert line(np.array([2.5]), np.array([4.0])).text == "4 for 2.5"


def test_another_shape_with_the_same_entries_is_what_was_done():
    """A file's array that nobody transposed does not even have the shape."""
    assert line(VALUES, VALUES.T).kind == "transposed"
    stored = VALUES.T.copy()  # the port's is (6, 2, 2), of (4, 6) in the reference
    found = line(VALUES.reshape(6, 2, 2), stored.reshape(6, 2, 2), raw=stored)
    assert (found.kind, found.text) == (
        "transposed",
        "as the other side stores it, reshaped where its axes have to be moved",
    )


def test_values_moved_and_rounded_to_very_few_digits():
    low = VALUES.astype(ml_dtypes.float8_e4m3fn).astype(np.float32)
    assert line(VALUES, low.T).words == "transposed, rounded to float8_e4m3fn"


def test_most_of_an_array_tells_too():
    """A row lost, a row that is another: whose it is shows all the same; zeros that agree show nothing."""
    rows = np.random.default_rng(1).standard_normal((20, 3))
    assert line(rows, np.vstack([rows[1:], rows[:1] * 0])).tells
    assert line(rows, np.vstack([rows[:1] * 3, rows[1:]])).tells
    sparse = np.where(np.arange(60).reshape(20, 3) % 7 == 0, rows, 0)
    assert not line(sparse, np.where(sparse != 0, 5 + rows, 0)).tells
    assert not line(rows, rows + rows**2).tells


def test_the_values_in_another_shape_are_no_rearrangement():
    assert line(VALUES, VALUES[None]).words == "reshaped: of the shape (1, 6, 4) for (6, 4)"
    assert (
        line(VALUES, VALUES.astype(np.float16).ravel()).words
        == "reshaped: of the shape (24) for (6, 4); rounded to float16"
    )
    assert line(VALUES, VALUES[None]).tells


def test_a_part_that_is_another_parts_is_called_so():
    """Of three layers stacked the first in two places; of each only what is wrong is said."""
    stack = np.random.default_rng(2).standard_normal((3, 4, 5))
    parts = {f"layers.{at}.weight": AS_IS.then("index", (0, at)) for at in range(3)}
    found = own_line(ExpectedLine("w", [*parts], stack, parts=parts), stack[[0, 0, 2]], NONE)
    assert (found.kind, found.words) == (
        "another line's", "wrong in the part from layers.1.weight: layers.0.weight's",
    )  # fmt: skip
