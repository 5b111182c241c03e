"""The numbers that ways of their own are run on."""

import numpy as np

from compare.measure.contrast.ways.vectors import MATRIX, POINT


def test_they_ask_for_something():
    """A point on both sides of zero, whose sum is positive, and a matrix that can be solved with."""
    assert (POINT < 0).any()
    assert POINT.sum() > 0
    assert np.linalg.cond(MATRIX) < 10
