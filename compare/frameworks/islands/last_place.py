"""What rounding to a format can do to a table: a unit in the last place of each entry, and a run rounded at random.

A run in float64 of which every result is a unit in the last place off, up or down at random, and then rounded to
float32, shows how far the same code in float32 can be off: a library's power or sine is by about a unit. Rounding to
the nearest would not do: where a result lies close to a float32 number, too many runs would show no error at all. What
is exact in float32 (positions, halves) stays as it is, since it is exact in any library.
"""

import ml_dtypes
import numpy as np

from compare.frameworks.islands.constants import widen


def units(values: np.ndarray, dtype: str = "float32") -> np.ndarray:
    """Of each entry a unit in the last place in ``dtype``; of a complex one, of its larger part. Zero where an entry is
    not finite."""
    if np.iscomplexobj(values):
        return np.maximum(units(np.real(values), dtype), units(np.imag(values), dtype))
    kind = np.dtype({"bfloat16": ml_dtypes.bfloat16, "float16": np.float16}.get(dtype, np.float32))
    with np.errstate(over="ignore", invalid="ignore"):
        return np.nan_to_num(np.abs(np.spacing(np.abs(widen(values)).astype(kind)).astype(np.float64)), posinf=0.0)


def rounded_at_random(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each entry a unit in its last place up or down, as a float32 number in float64 (complex128); itself where it is
    one."""
    if np.iscomplexobj(values):
        return rounded_at_random(values.real, rng) + 1j * rounded_at_random(values.imag, rng)
    wide = np.asarray(values, np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        nearest = wide.astype(np.float32)
        moved = (wide + units(wide) * rng.choice([-1.0, 1.0], wide.shape)).astype(np.float32)
        chosen = np.where(nearest == wide, nearest, moved).astype(np.float64)
    return np.where(np.isfinite(chosen), chosen, wide)
