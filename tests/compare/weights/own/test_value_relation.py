"""What became of values, place by place; what is within rounding, and what no longer is."""

import ml_dtypes
import numpy as np
import pytest

from compare.weights.own.value_relation import (
    AS_IT_IS,
    format_of,
    in_format,
    is_constant,
    number_in_words,
    value_relation,
    wide_floats,
)

VALUES = np.random.default_rng(0).standard_normal(200).astype(np.float32).astype(np.float64)


@pytest.mark.parametrize("dtype", [np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2])
def test_a_rounding_is_known_by_its_format(dtype):
    found = value_relation(VALUES, VALUES.astype(np.float32).astype(dtype).astype(np.float64))
    assert found is not None
    assert (found.rounded_to, found.keeps) == (np.dtype(dtype).name, True)


def test_values_that_overflow_in_the_format_are_no_rounding_that_keeps_them():
    found = value_relation(np.array([1.0, 7e4, -7e4]), np.array([1.0, np.inf, -np.inf]))
    assert found is not None
    assert (found.rounded_to, found.lost, found.keeps) == ("float16", 2, False)
    assert found.text == "rounded to float16, and 2 of them infinite there"


@pytest.mark.parametrize(
    ("factor", "text"),
    [
        (2, "scaled by 2"),
        (-1, "with the opposite sign"),
        (0.25, "scaled by 1/4"),
        (np.sqrt(6), "scaled by sqrt(6)"),
        (-1 / np.sqrt(12), "scaled by -1/sqrt(12)"),
        (0.73125, "scaled by 0.73125"),
    ],
)
def test_a_factor_is_said(factor, text):
    """Also where the product was rounded to float32, or to less."""
    for dtype in (np.float64, np.float32):
        found = value_relation(VALUES, (VALUES * factor).astype(dtype).astype(np.float64))
        assert found is not None
        assert found.text == text
    low = value_relation(VALUES, (VALUES * 2).astype(np.float16).astype(np.float64))
    assert low is not None
    assert low.text == "scaled by 2, rounded to float16"


def test_what_underflows_in_the_format_is_rounded_away():
    small = VALUES * np.where(np.arange(VALUES.size) % 2, 1e-6, 1)
    found = value_relation(small, (small / 3).astype(np.float16).astype(np.float64))
    assert found is not None
    assert found.text == "scaled by 1/3, rounded to float16"


def test_what_is_added_is_said():
    found = value_relation(VALUES, (VALUES.astype(np.float32) + np.float32(1)).astype(np.float64))
    assert found is not None
    assert found.text == "with 1 added"


def test_what_a_narrow_format_rounds_away_is_no_constant():
    """Rows exchanged that are nearly alike, rounded to float16."""
    rows = np.array([[1.0, 2.0, 3.0], [1.003, 2.002, 3.004]])
    assert value_relation(rows, rows[::-1].astype(np.float16).astype(np.float64)) is None


def test_few_entries_of_few_digits_have_no_factor():
    """Whole numbers are numbers of float8, and near to a multiple of nearly anything."""
    kernel = np.random.default_rng(3).uniform(-0.4, 0.4, (6, 3))
    assert value_relation(kernel, np.tile([1.0, 2.0, 3.0], (6, 1))) is None
    assert value_relation(np.array([0.5, -0.25, 1.01]), np.array([1.0, -0.5, 2.0])) is None
    near = 1 + 0.001 * np.random.default_rng(3).standard_normal(50)
    assert value_relation(near, 2 + 0.0078125 * (np.arange(50) % 2)) is None


@pytest.mark.parametrize("size", [1e-6, 1e-3, 0.5])
def test_noise_is_no_relation(size):
    noise = 1 + size * np.cos(np.arange(VALUES.size))
    assert value_relation(VALUES, VALUES * noise) is None


def test_one_value_alone_has_no_factor():
    """Any number is another one's multiple."""
    assert value_relation(np.full(4, 0.5), np.full(4, 0.7)) is None
    assert value_relation(np.array([0.5]), np.array([0.5])) is AS_IT_IS


def test_nan_is_nan():
    assert value_relation(np.array([np.nan, 1]), np.array([np.nan, 1])) is AS_IT_IS
    assert value_relation(np.array([np.nan, 1]), np.array([np.nan, 2])) is None


def test_the_format_is_that_of_the_values():
    low = VALUES.astype(ml_dtypes.bfloat16).astype(np.float64)
    assert [format_of(one)[0] for one in (VALUES, low, VALUES / 3)] == ["float32", "bfloat16", "float64"]
    np.testing.assert_array_equal(in_format(VALUES, low), low)
    np.testing.assert_array_equal(in_format(VALUES, VALUES / 3), VALUES)


def test_complex_values_are_their_parts():
    np.testing.assert_array_equal(wide_floats(np.array([1 + 2j], np.complex64)), [[1.0, 2.0]])


def test_numbers_in_words():
    assert [number_in_words(one) for one in (3.0, -0.125, 2**0.5, 1e-7)] == ["3", "-1/8", "sqrt(2)", "1e-07"]
    near = (1 + 3e-7, -2 + 1e-6, 0.5 - 1e-7, 4 + 4e-6, 70000.00001)
    assert [number_in_words(one) for one in near] == ["1.0000003", "-1.999999", "0.4999999", "4.000004", "70000"]


def test_a_factor_near_to_one_is_said_as_it_is():
    found = value_relation(VALUES, VALUES * (1 + 3e-7))
    assert found is not None
    assert found.text == "scaled by 1.0000003"


def test_constants():
    assert is_constant(np.zeros(0))
    assert is_constant(np.full(3, 7.0))
    assert not is_constant(np.arange(2.0))
