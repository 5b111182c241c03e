"""Units in the last place, and rounding at random."""

import numpy as np
import pytest

from compare.frameworks.islands.last_place import rounded_at_random, units


@pytest.mark.parametrize(
    ("dtype", "unit"), [("float32", 2.0**-23), ("float64", 2.0**-23), ("bfloat16", 2.0**-7), ("float16", 2.0**-10)]
)
def test_a_unit_is_the_formats(dtype, unit):
    """A table that is in double by now was float32's before."""
    np.testing.assert_array_equal(units(np.array([1.0, -1.5, 3.0]), dtype), [unit, unit, 2 * unit])
    assert units(np.array([np.inf, np.nan]), dtype).tolist() == [0, 0]


def test_a_complex_entry_has_its_larger_parts():
    """The unit of a small imaginary part says nothing of the whole."""
    assert units(np.array([1 + 1e-9j])).tolist() == [2.0**-23]


def test_what_float32_holds_stays_and_nothing_else_does():
    """Each entry up or down, by at most a unit and a half; masks and infinities as they are."""
    exact = np.array([0.0, 1.0, -0.5, 7.0, np.inf, -np.inf, float(np.finfo(np.float32).max)])
    table = np.sin(np.arange(1, 50) * 0.3)
    seen = set()
    for rng in np.random.default_rng(1).spawn(8):
        np.testing.assert_array_equal(rounded_at_random(exact, rng), exact)
        rounded = rounded_at_random(table, rng)
        np.testing.assert_array_equal(rounded, rounded.astype(np.float32))
        apart = np.abs(rounded - table) / units(table)
        assert 0.4 < apart.min() < apart.max() < 1.6
        seen.add(tuple(np.sign(rounded - table)))
    assert len(seen) == 8
    both = rounded_at_random(table + 1j * table, np.random.default_rng(1))
    assert not np.array_equal(both.real, both.imag)
    assert rounded_at_random(np.array([1e300]), np.random.default_rng(1)).tolist() == [1e300]
