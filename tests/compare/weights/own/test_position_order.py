"""The order of an axis is named, and the positions that it says make the one sequence from the other."""

import numpy as np
import pytest

from compare.weights.own.position_order import position_order

AT = np.arange(24)
ORDERS = [
    ("", AT),
    ("from back to front", AT[::-1]),
    ("2 blocks of 12 in the order (1, 0)", np.roll(AT, 12)),
    ("4 blocks of 6 in the order (0, 2, 1, 3)", AT.reshape(4, 6)[[0, 2, 1, 3]].ravel()),
    ("shifted by 5 up, round the end", np.roll(AT, -5)),
    ("shifted by 1 down, round the end", np.roll(AT, 1)),
    ("in the order (8, 3) for (3, 8)", AT.reshape(3, 8).T.ravel()),
    ("in the order (2, 4, 3) for (2, 3, 4)", AT.reshape(2, 3, 4).swapaxes(1, 2).ravel()),
    ("in each of 2 parts, 3 blocks of 4 in the order (0, 2, 1)", AT.reshape(2, 3, 4)[:, [0, 2, 1]].ravel()),
    ("in another order", np.random.default_rng(0).permutation(24)),
]


@pytest.mark.parametrize(("text", "order"), ORDERS)
def test_an_order_is_named(text, order):
    found = position_order(AT, order)
    assert found is not None
    assert found.text == text
    np.testing.assert_array_equal(AT[found.positions], order)


@pytest.mark.parametrize(("text", "order"), [one for one in ORDERS if one[0] != "in another order"])
def test_equal_labels_hide_none(text, order):
    """As after a rounding, where several positions hold the same."""
    labels = np.random.default_rng(1).integers(0, 12, 24)
    found = position_order(labels, labels[order])
    assert found is not None
    assert found.text == text
    np.testing.assert_array_equal(labels[found.positions], labels[order])


def test_factors_of_one_size_have_letters():
    found = position_order(AT, AT.reshape(2, 2, 6).swapaxes(0, 1).ravel())
    assert found is not None
    assert "4 blocks of 6 in the order (0, 2, 1, 3)" in found.text  # few blocks are simpler
    found = position_order(np.arange(144), np.arange(144).reshape(12, 12).T.ravel())
    assert found is not None
    assert found.text == "in the order (b, a) for (a, b) of the sizes (12, 12)"
    assert (found.expected, found.given) == ((12, 12), (12, 12))


def test_other_labels_are_no_order():
    assert position_order(AT, AT + 1) is None
    assert position_order(AT, AT[:-1]) is None


def test_few_positions_are_listed():
    found = position_order(np.arange(4), np.array([0, 1, 3, 2]))
    assert found is not None
    assert found.text == "in the order (0, 1, 3, 2)"
