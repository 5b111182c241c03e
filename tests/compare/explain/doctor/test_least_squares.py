"""Numbers estimated by least squares, and written down as a person would have."""

import numpy as np
import pytest

from compare.explain.doctor.least_squares import Range, fitted, number, short
from compare.weights.optimizer_row import BELOW_ONE, LINEAR, POSITIVE

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
    (found,) = fitted(lambda values: residual(*values), [start], [where])
    assert abs(found - true) <= 1e-9 * abs(true)
    assert short(found) == true


def test_two_numbers_are_found_at_once():
    """Each in its own range, neither of them near its start."""
    residual = lambda values: values[0] * T + values[1] ** T - (0.3 * T + 0.97**T)  # noqa: E731
    found = fitted(residual, [1.0, 0.5], [Range(LINEAR), Range(BELOW_ONE)])
    assert list(map(short, found)) == [0.3, 0.97]


@pytest.mark.parametrize("residual", [lambda v: T, lambda v: T * np.nan, lambda v: T * np.inf])
def test_a_residual_that_tells_nothing_leaves_the_start(residual):
    """Constant, or no number at all."""
    with np.errstate(invalid="ignore"):
        assert fitted(lambda values: residual(*values), [0.5], [Range(LINEAR)]) == [0.5]


def test_a_short_number_is_not_invented():
    """Near to 1 it is the distance that counts, and float32's neighbour of 0.1 is not 0.1."""
    assert short(0.1 + 1e-12) == 0.1
    assert short(0.999 + 1e-13) == 0.999
    assert short(1.234e-10) == 1.234e-10
    assert short(float(np.float32(0.1))) == float(np.float32(0.1))
    assert short(1 + 1.49e-8) == 1 + 1.49e-8
    assert short(0.99999999) == 0.99999999
    assert (short(0.0), short(float("inf"))) == (0.0, float("inf"))


def test_a_number_is_said_as_it_was_written():
    """Without tails, and with its precision where that is the difference."""
    assert (number(0.1), number(1e-8), number(float("inf"))) == ("0.1", "1e-08", "none")
    assert number(float(np.float32(0.1))) == "0.1 rounded to float32"
    assert number(0.5) == "0.5"
