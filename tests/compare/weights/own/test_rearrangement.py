"""Arrays with their places changed: what is found makes the one from the other, and is said."""

import numpy as np
import pytest

from compare.weights.own.rearrangement import axis_words, in_words, rearrangement

RNG = np.random.default_rng(0)
KERNEL = RNG.standard_normal((3, 3, 4, 6))
SQUARE = RNG.standard_normal((12, 12))


def test_both_axes_of_a_transposed_matrix_in_orders_of_their_own():
    """Found axis by axis, whatever the other one is in."""
    columns = np.arange(12).reshape(3, 4).T.ravel()
    given = SQUARE.T[np.ix_([*range(6, 12), *range(6)], columns)]
    found = rearrangement(SQUARE, given)
    assert found is not None
    moved = SQUARE.transpose(found.axes)
    for axis, order in enumerate(found.orders):
        moved = np.take(moved, order.positions, axis)
    np.testing.assert_array_equal(moved, given)
    assert in_words(found, given.shape) == (
        "transposed; rows: 2 blocks of 6 in the order (1, 0); columns in the order (4, 3) for (3, 4)"
    )


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (KERNEL, ""),
        (KERNEL.transpose(3, 2, 0, 1), "its axes in the order (3, 2, 0, 1)"),
        (KERNEL[:, ::-1], "axis 1 from back to front"),
        (KERNEL.transpose(3, 2, 0, 1).reshape(3, 3, 4, 6),
         "transposed (3, 2, 0, 1) and reshaped where its axes have to be moved"),
        (KERNEL[..., [0, 1, 4, 5, 2, 3]], "axis 3: 3 blocks of 2 in the order (0, 2, 1)"),
    ],
)  # fmt: skip
def test_a_kernel(given, text):
    found = rearrangement(KERNEL, given)
    assert found is not None
    assert in_words(found, given.shape) == text


def test_axes_that_have_one_order_together():
    """Heads and widths exchanged where each has an axis of its own: no axis alone shows it."""
    kernel = RNG.standard_normal((7, 3, 4))
    given = kernel.reshape(7, 4, 3).swapaxes(1, 2)
    found = rearrangement(kernel, given)
    assert found is not None
    assert in_words(found, given.shape) == "axes 1 to 2 as one in the order (3, 4) for (4, 3)"


def test_values_that_repeat_in_both_axes():
    """Slices that hold the same in another order are told apart once the other axis is right."""
    rows = np.array([[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2], [5, 5, 5, 6]], float)
    found = rearrangement(rows, rows[[1, 0, 2, 3]][:, ::-1])
    assert found is not None
    assert found.permutes


def test_nothing_is_found_in_other_values():
    assert rearrangement(SQUARE, SQUARE + 1) is None
    shuffled = RNG.permutation(SQUARE.ravel()).reshape(12, 12)
    assert rearrangement(SQUARE, shuffled) is None


def test_axes_in_words():
    assert [axis_words(0, (3,)), axis_words(1, (3, 4)), axis_words(1, (3, 4, 5))] == ["entries", "columns", "axis 1"]
