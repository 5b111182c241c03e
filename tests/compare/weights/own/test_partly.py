"""Arrays that are partly right."""

import numpy as np
import pytest

from compare.weights.own.partly import partly, shares_most

ROWS = np.random.default_rng(0).standard_normal((10, 4))
HEAD = np.vstack([ROWS[2:], ROWS[:2] + 1])


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (HEAD, "rows: shifted by 2 up, and 2 of 10 others"),
        (np.vstack([ROWS[:1] * 3, ROWS[1:]]), "1 of 10 rows are others"),
        (np.where(np.arange(4) == 1, 5.0, ROWS), "1 of 4 columns are others"),
        (np.where(np.eye(10, 4, dtype=bool), 0.0, ROWS), "4 of 40 entries are others"),
        (np.where(np.eye(10, 4, dtype=bool), ROWS + 1, ROWS), "4 of 40 entries are others: with 1 added"),
        (ROWS + 0.1 * np.linalg.norm(ROWS) / np.sqrt(40), "relative difference 1.0e-01"),
        (HEAD.astype(np.float16).astype(float), "rows: shifted by 2 up, and 2 of 10 others"),
    ],
)
def test_what_is_right_of_it(given, text):
    assert partly(ROWS, given) == text


def test_beside_zeros_a_difference_has_no_size_to_be_relative_to():
    assert partly(np.zeros(4), np.full(4, 2.0)) == "difference 4.0e+00"


def test_whether_most_is_there():
    assert shares_most(ROWS, HEAD)
    assert not shares_most(ROWS, ROWS + 1)
    assert not shares_most(ROWS, ROWS[:5])
