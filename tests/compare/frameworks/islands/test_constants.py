"""What tells a rounded constant from one that lost nothing."""

import math

import ml_dtypes
import numpy as np
import pytest

from compare.frameworks.islands.constants import Constant, holds_float32, is_rounded, shortest, widen

TABLE = np.sin(np.arange(12, dtype=np.float32) * np.float32(0.3)).reshape(3, 4)


@pytest.mark.parametrize("value", [0.1, 1e-6, 0.5, -1e9, 3.0, 0.0, 1e-45, -0.7, math.inf, 10000.0])
def test_a_typed_decimal_comes_back(value):
    """From float32, and from the formats below it."""
    assert shortest(np.float32(value)) == value
    assert shortest(np.complex64(value)).imag == 0


@pytest.mark.parametrize(("dtype", "kind"), [("bfloat16", ml_dtypes.bfloat16), ("float16", np.float16)])
def test_a_typed_decimal_comes_back_from_half(dtype, kind):
    """Their own rounding, not float32's."""
    for value in (0.1, 0.5, 0.044715, 3.0, 0.0):
        rounded = np.asarray(kind(value))
        assert kind(shortest(rounded, dtype)) == rounded
        assert len(repr(shortest(rounded, dtype).item())) <= len(repr(value))
    assert shortest(np.asarray(kind(0.1)), dtype) == 0.1
    assert math.isnan(shortest(np.asarray(kind(math.nan)), dtype))


def test_a_computed_constant_does_not_come_back():
    """The limit that the docstring states."""
    assert shortest(np.float32(1 / math.sqrt(96))) != 1 / math.sqrt(96)


@pytest.mark.parametrize(
    "plain",
    [[0, -np.inf, -1e9], [1, 2, 3], [0.5, 0.25], [np.nan, 1], [2.0**-7], [], [1e20], [np.finfo(np.float32).max]],
)
def test_masks_and_small_numbers_lost_nothing(plain):
    """They are no witness."""
    assert not is_rounded(np.array(plain, np.float32))


@pytest.mark.parametrize("table", [TABLE, np.float32(0.1), TABLE * 1e9, TABLE.astype(np.complex64) * 1j, TABLE * 1e-30])
def test_tables_did(table):
    """Whatever their size, real or complex."""
    assert is_rounded(table)
    assert holds_float32(table)
    assert not holds_float32(widen(table) * (1 + 1e-12))


def test_the_most_exact_float32_is_an_ordinary_number():
    """Infinity, NaN and subnormals count as float32."""
    assert holds_float32(np.array([np.inf, np.nan, 1e-45, 0.5]).astype(np.float32))
    assert not holds_float32(np.array([1e300]))


def test_a_constant_has_the_shape_of_its_values():
    """And is told without printing them."""
    assert Constant(0, "here:1", widen(TABLE)).shape == (3, 4)
    assert "values" not in repr(Constant(0, "here:1", widen(TABLE)))
