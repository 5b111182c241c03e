"""The median of the magnitudes, whichever way it is found."""

import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from compare.verdict.median import SMALL, median_magnitude


@given(hnp.arrays(np.float64, st.integers(0, 60), elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_the_median_magnitude_is_the_lower_median(array):
    """Of the finite nonzero entries, as sorting finds it."""
    magnitudes = np.sort(np.abs(array[np.isfinite(array) & (array != 0)]))
    expected = magnitudes[(magnitudes.size - 1) // 2] if magnitudes.size else 0.0
    assert median_magnitude(array) == expected


def test_the_median_by_counting_is_the_median_by_sorting():
    """Beyond the size that is sorted, four counting sweeps find the same entry."""
    rng = np.random.default_rng(0)
    for array in (
        rng.standard_normal(SMALL + 11),
        10 ** rng.uniform(-300, 300, SMALL + 10),
        np.repeat([0.0, 1.0, -2.0], SMALL),
    ):
        magnitudes = np.sort(np.abs(array[array != 0]))
        assert median_magnitude(array) == magnitudes[(magnitudes.size - 1) // 2]


def test_counting_takes_no_memory_that_grows_with_the_array():
    """Ten times the entries, no more memory."""

    def peak(size: int) -> int:
        array = np.random.default_rng(0).standard_normal(size)
        tracemalloc.start()
        median_magnitude(array)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(20 * SMALL) < 1.2 * peak(2 * SMALL) + 4096 * 8
