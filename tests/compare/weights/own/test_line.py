"""One array beside what it should be: which of several likely words is taken first, and what tells."""

import numpy as np
import pytest

from compare.weights.own.line import ExpectedLine, is_constant, moved_values, own_line
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


def test_values_moved_and_changed():
    found = moved_values(VALUES.astype(float), -2.0 * VALUES.T)
    assert found is not None
    assert found.text((4, 6), {}) == "transposed, scaled by -2"
    assert moved_values(VALUES.astype(float), np.cos(VALUES.astype(float))) is None


def test_constants():
    assert is_constant(np.zeros(0))
    assert is_constant(np.full(3, 7.0))
    assert not is_constant(np.arange(2.0))
