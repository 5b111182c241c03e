"""What a side returned, for a reader."""

import numpy as np
import pytest

from compare.lessons.shown import shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        ((2, 3), "(2, 3)"),
        (np.float64(0.25), "0.25"),
        (np.array([1.0, 2.5]), "[1.  2.5]"),
        (np.array([1e-9, 1.0]), "[1.e-09 1.e+00]"),
        (np.arange(100).reshape(10, 10), "(10, 10) int64: 0, 1, 2, ..."),
        (np.zeros((0, 3)), "[]"),
        (np.array([1, 2.5], np.float16), "[1.  2.5]"),
        (True, "True"),
    ],
)
def test_shown(value, text):
    assert shown(value) == text
