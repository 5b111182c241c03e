"""The number at which a gap closes, smooth or not, and how it is written."""

import numpy as np
import pytest

from compare.explain.doctor.fit import by_halves, by_slope, cosine, fewest_digits, written

X = np.linspace(-2.0, 2.0, 41)


def moving(function, own):
    """What a number does, against its own value."""
    return lambda number: function(number) - function(own)


@pytest.mark.parametrize("number", [0.7, 1.5, -0.3])
def test_a_smooth_number_is_found_by_its_slope(number):
    """Though the arrays bend with it."""
    moved = moving(lambda k: np.exp(k * X / 3), 1.0)
    found = by_slope(moved, moved(number), 1.0, moved(1.001) / 0.001)
    assert written(found.number) == number
    assert found.low == found.high


def test_what_the_number_does_not_make_is_not_fitted():
    """Another function's gap."""
    moved = moving(lambda k: np.exp(k * X / 3), 1.0)
    assert by_slope(moved, np.sin(9 * X), 1.0, moved(1.001) / 0.001) is None


@pytest.mark.parametrize(("number", "beyond"), [(0.72, 0.75), (1.61, 0.75), (0.23, 0.25)])
def test_a_step_is_found_by_halves(number, beyond):
    """Towards the jump and past it; any number between the same inputs does."""
    moved = moving(lambda edge: np.where(np.abs(X) > edge, X, 0.0), 0.5)
    found = by_halves(moved, moved(number), 0.5, beyond)
    assert found.low <= found.number <= found.high
    assert np.array_equal(moved(found.number), moved(number))


def test_a_step_that_is_not_the_numbers_is_not_found():
    """The halves come to an end."""
    moved = moving(lambda edge: np.where(np.abs(X) > edge, X, 0.0), 0.5)
    assert by_halves(moved, X.copy(), 0.5, 0.75) is None


def test_a_number_without_arrays_ends_the_search():
    """It does not run there."""
    assert by_halves(lambda number: None, X, 0.5, 0.75) is None


def test_few_digits_are_preferred():
    """Within the bounds, and near the middle of them."""
    assert fewest_digits(0.625, 0.875) == 0.8
    assert fewest_digits(0.9, 0.6) == 0.8
    assert fewest_digits(0.7301, 0.7303) == 0.7302
    assert written(0.30000000004) == 0.3
    assert written(0.1234567891) == 0.1234567891


def test_the_angle_to_nothing():
    """None, and zero, are no direction."""
    assert cosine(None, X) == cosine(np.zeros_like(X), X) == cosine(X, np.zeros_like(X)) == 0.0
    assert cosine(-X, X) == pytest.approx(-1.0)
