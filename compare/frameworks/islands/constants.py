"""Constants that were born in float32: what no promotion can un-round, and so what may be a witness."""

from dataclasses import dataclass, field

import ml_dtypes
import numpy as np

from compare.verdict.thresholds import EXACT_PARTS, MASKED, TYPED


@dataclass(frozen=True)
class Constant:
    """One array that entered a float64 run already rounded to a lower precision.

    Attributes:
        index: its position among the constants of its run.
        name: a buffer's name, or "" for a constant that has none.
        place: "file:line" in the user's code where it is first used, as far as known.
        values: its values as they entered the run, in float64 or complex128; ``witness.replay_with`` knows it by them.
        dtype: the precision it was rounded to.
    """

    index: int
    place: str
    values: np.ndarray = field(repr=False)
    dtype: str = "float32"
    name: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape


@dataclass(frozen=True)
class Call:
    """A call that cannot be promoted, by its name, and "file:line" in the user's code where it is made."""

    name: str
    place: str


def widen(values: np.ndarray) -> np.ndarray:
    """The same values in float64, or in complex128."""
    return np.asarray(values).astype(np.complex128 if np.iscomplexobj(values) else np.float64)


def shortest(values: np.ndarray, dtype: str = "float32") -> np.ndarray:
    """Each entry as the shortest decimal that rounds to the same number of ``dtype``: 0.1 for float32(0.1).

    ``dtype`` may be float16 or bfloat16 too. It recovers a decimal that somebody typed; a computed constant such as
    sqrt(2/pi) it does not.
    """
    wide = widen(values)
    if np.iscomplexobj(wide):
        return shortest(wide.real) + 1j * shortest(wide.imag)
    kind = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype if dtype == "float16" else "float32")
    flat = [_shortest(value, kind) for value in wide.ravel().tolist()]
    return np.array(flat, np.float64).reshape(wide.shape)


def _shortest(value: float, kind: np.dtype) -> float:
    if kind == np.float32:
        with np.errstate(over="ignore"):
            return float(str(np.float32(value)))
    tries = (float(f"{value:.{digits}e}") for digits in range(9))  # NumPy prints other formats longer than need be
    return next((decimal for decimal in tries if float(kind.type(decimal)) == value), value)


def holds_float32(values: np.ndarray) -> bool:
    """Whether every entry is exactly a float32 (NaN and infinity are)."""
    wide = widen(values)
    with np.errstate(over="ignore"):
        narrow = widen(wide.astype(np.complex64 if np.iscomplexobj(wide) else np.float32))
    return bool(np.array_equal(narrow, wide, equal_nan=True))


def is_rounded(values: np.ndarray) -> bool:
    """Whether rounding to float32 can have lost something here: some entry is no number that one would type.

    Masks (0, -inf, -1e9, the smallest float), small integers, halves and quarters lose nothing in float32; a sine table
    does, and so does float32(0.1).
    """
    wide = widen(values)
    if np.iscomplexobj(wide):
        return is_rounded(wide.real) or is_rounded(wide.imag)
    finite = np.unique(wide[np.abs(wide) < MASKED])
    left = finite[
        finite * EXACT_PARTS != np.rint(finite * EXACT_PARTS)
    ]  # exact in binary: whatever made it, it was not rounded
    large = finite[np.abs(finite) >= TYPED]
    suspects = np.concatenate([left, large])
    for start in range(0, suspects.size, 1024):  # a table shows itself in its first entries
        some = suspects[start : start + 1024]
        if not np.array_equal(shortest(some), some):
            return True
    return False
