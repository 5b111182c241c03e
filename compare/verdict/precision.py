"""The floating-point formats a side can run at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Precision:
    """One binary format, described by what the verdict needs to know of it.

    Attributes:
        name: the format's name, the same in NumPy (with ml_dtypes), torch and JAX.
        bits: of the significand, the implicit one included.
        smallest_normal: entries below it may be flushed to zero by one side and kept by the other.
    """

    name: str
    bits: int
    smallest_normal: float

    @property
    def unit_roundoff(self) -> float:
        """Half the distance from 1 to the next number: the largest relative error of one rounding."""
        return 2.0**-self.bits


FLOAT64 = Precision("float64", 53, 2.0**-1022)
ROUNDED = Precision("float64 rounded to 46 bits", 46, 2.0**-1022)
FLOAT32 = Precision("float32", 24, 2.0**-126)
BFLOAT16 = Precision("bfloat16", 8, 2.0**-126)
FLOAT16 = Precision("float16", 11, 2.0**-14)

PRECISIONS = {precision.name: precision for precision in (FLOAT32, BFLOAT16, FLOAT16)}
