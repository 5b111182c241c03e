"""The number at which a gap closes, smooth or not, and how it is written."""

import numpy as np
import pytest

from compare.explain.doctor.fit import (
    Range,
    by_halves,
    by_slopes,
    cosine,
    exactly_written,
    fewest_digits,
    number_words,
    printed,
    written,
)
from compare.weights.optimizer_row import BELOW_ONE, LINEAR, POSITIVE

X = np.linspace(-2.0, 2.0, 41)


def moving(function, own):
    """What a number does, against its own value."""
    return lambda number: function(number) - function(own)


def fitted(moved, gap, own):
    """A number whose first slope is known, and what is left."""
    slope = (moved(own + 0.001) / 0.001)[:, None]
    return by_slopes(lambda values: moved(values[0]) - gap, [own], [Range()], (-gap, slope), 1e-7)


@pytest.mark.parametrize("number", [0.7, 1.5, -0.3])
def test_a_smooth_number_is_found_by_its_slope(number):
    """Though the arrays bend with it."""
    moved = moving(lambda k: np.exp(k * X / 3), 1.0)
    (found,), left = fitted(moved, moved(number), 1.0)
    assert written(found) == number
    assert left <= 1e-7


def test_what_the_number_does_not_make_is_not_fitted():
    """Another function's gap."""
    moved = moving(lambda k: np.exp(k * X / 3), 1.0)
    assert fitted(moved, np.sin(9 * X), 1.0)[1] > 0.1


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
    assert written(0.99999996) == 1.0


def test_the_angle_to_nothing():
    """None, and zero, are no direction."""
    assert cosine(None, X) == cosine(np.zeros_like(X), X) == cosine(X, np.zeros_like(X)) == 0.0
    assert cosine(-X, X) == pytest.approx(-1.0)


T = np.linspace(1, 3, 7)


@pytest.mark.parametrize(
    ("residual", "start", "where", "true"),
    [
        (lambda v: v * T - 0.3 * T, 1.0, Range(LINEAR), 0.3),
        (lambda v: v * T + 1e-3 * T, 1e-3, Range(LINEAR, 1e-2), -1e-3),
        (lambda v: 1 / (1e-3 * T + v) - 1 / (1e-3 * T + 3e-5), 1e-8, Range(POSITIVE), 3e-5),
        (lambda v: v**T - 0.97**T, 0.5, Range(BELOW_ONE), 0.97),
        (lambda v: v**T - 0.99999**T, 0.9, Range(BELOW_ONE), 0.99999),
    ],
    ids=["rate", "negative", "epsilon", "beta", "beta near 1"],
)
def test_a_number_is_found(residual, start, where, true):
    """To the last digits, from a start that is far off."""
    ((found,), _) = by_slopes(lambda values: residual(*values), [start], [where])
    assert abs(found - true) <= 1e-9 * abs(true)
    assert exactly_written(found) == true


def test_two_numbers_are_found_at_once():
    """Each in its own range, neither of them near its start."""
    residual = lambda values: values[0] * T + values[1] ** T - (0.3 * T + 0.97**T)  # noqa: E731
    found, _ = by_slopes(residual, [1.0, 0.5], [Range(LINEAR), Range(BELOW_ONE)])
    assert list(map(exactly_written, found)) == [0.3, 0.97]


@pytest.mark.parametrize("residual", [lambda v: T, lambda v: T * np.nan, lambda v: T * np.inf])
def test_a_residual_that_tells_nothing_leaves_the_start(residual):
    """Constant, or no number at all."""
    with np.errstate(invalid="ignore"):
        assert by_slopes(lambda values: residual(*values), [0.5], [Range(LINEAR)])[0] == [0.5]


def test_a_short_number_is_not_invented():
    """Near to 1 it is the distance that counts, and float32's neighbour of 0.1 is not 0.1."""
    assert exactly_written(0.1 + 1e-12) == 0.1
    assert exactly_written(0.999 + 1e-13) == 0.999
    assert exactly_written(1.234e-10) == 1.234e-10
    assert exactly_written(float(np.float32(0.1))) == float(np.float32(0.1))
    assert exactly_written(1 + 1.49e-8) == 1 + 1.49e-8
    assert exactly_written(0.99999999) == 0.99999999
    assert (exactly_written(0.0), exactly_written(float("inf"))) == (0.0, float("inf"))


def test_a_number_is_said_as_it_was_written():
    """Without tails, and with its precision where that is the difference."""
    assert (number_words(0.1), number_words(1e-8), number_words(float("inf"))) == ("0.1", "1e-08", "none")
    assert number_words(float(np.float32(0.1))) == "0.1 rounded to float32"
    assert number_words(0.5) == "0.5"


@pytest.mark.parametrize("value", [0.044715, 25.014145678912345, 2.299999952316284, 12**-0.5, 1e-5, 3.0, -7.25e-9])
def test_a_fitted_number_is_the_one_that_is_printed(value):
    """To the last digit, or to those that rounding in float64 leaves; of a float32 the number it is made of."""
    words, number = printed(value)
    said = float(np.float32(words.split()[0])) if "float32" in words else float(words)
    assert said == number
    assert abs(number - value) <= 1e-9 * abs(value)


def test_no_digit_is_printed_to_which_a_number_is_not_known():
    """It is known to what the gap still closes with."""
    assert printed(1.0671811031774405, 1e-10) == ("1.0671811032", 1.0671811032)
    assert printed(1.0671811031774405, 1e-14) == ("1.06718110317744", 1.06718110317744)
    assert printed(1.0671811031774405)[0] == "1.0671811031774405"
