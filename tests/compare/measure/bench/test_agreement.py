"""A row is held to the judge, and to float32 where something is held in it."""

import numpy as np
import pytest

from compare.measure.bench.agreement import agreement
from compare.verdict.precision import FLOAT32
from compare.verdict.verdict import Verdict

RNG = np.random.default_rng(0)
CHANGE = {"w": RNG.standard_normal((8, 8)), "b": RNG.standard_normal(8)}
ON_PAPER = {"w": CHANGE["w"], "zero": 1e-17 * RNG.standard_normal(8)}  # the bias of a key: rounding alone


def off(arrays, by, only=""):
    """Each entry moved by so much of its array's size."""
    moved = {
        name: array + by * np.abs(array).max() * np.random.default_rng(len(name)).standard_normal(array.shape)
        for name, array in arrays.items()
    }
    return {name: moved[name] if only in ("", name) else array for name, array in arrays.items()}


@pytest.mark.parametrize(
    ("exact", "of_row", "expected"),
    [
        (CHANGE, CHANGE, Verdict.MATCH),
        (CHANGE, off(CHANGE, 1e-9), Verdict.FLOAT32_ONLY),
        (ON_PAPER, {**off(ON_PAPER, 1e-9, "w"), "zero": 1e-9 * RNG.standard_normal(8)}, Verdict.FLOAT32_ONLY),
        (CHANGE, off(CHANGE, 1e-5), Verdict.MISMATCH),
        (CHANGE, {**CHANGE, "b": 1.001 * CHANGE["b"]}, Verdict.MISMATCH),
        (CHANGE, {**CHANGE, "b": np.full(8, np.nan)}, Verdict.INVALID),
    ],
    ids=["the same", "float32 inside", "float32 inside, and zero on paper", "another", "another bias", "not finite"],
)
def test_the_verdict_is(exact, of_row, expected):
    """As of a port, but for what float32 leaves of a gradient that is zero."""
    low, row_low = off(exact, 1e-7), off(of_row, 2e-7)
    assert agreement((low, row_low, exact, of_row), FLOAT32) is expected
