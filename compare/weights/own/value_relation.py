"""How one array's values follow from another's, place by place: as they are, rounded, scaled, or by a constant more.

What is rounded is told by the format that the values are in and not by the array's dtype: weights that went through
float16 are such weights in whatever they are held.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isqrt

import ml_dtypes
import numpy as np

SAMPLE = 256  # entries that are looked at before all of them are
FORMATS: tuple[tuple[str, np.dtype], ...] = tuple(
    (np.dtype(kind).name, np.dtype(kind))
    for kind in (
        np.float32, np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2,
        ml_dtypes.float8_e4m3fnuz, ml_dtypes.float8_e5m2fnuz,
    )
)  # fmt: skip
LOW, LOWEST = 2.0**-24, 2.0**-8  # unit roundoffs of float32, and of bfloat16
SEVERAL = 8  # entries of a format of few digits in which a factor is no chance
FEW_ULPS = 4  # of the format that the values are in: the error of a product and of its factor, and a sum's
LARGEST = 1 << 16  # a whole number up to this is said as one, and its root as a root
EXACT, NEAR = 1e-12, 1e-5  # relative: of a factor that was found to be meant, and of a root, which nothing rounds


@dataclass(frozen=True)
class ValueRelation:
    """One array's values from another's.

    Attributes:
        rounded_to: the dtype, in words; empty where nothing is lost.
        factor: by which each is multiplied, 1 where it is not; added: what is added to each.
        lost: how many finite values are infinite after the rounding.
    """

    rounded_to: str = ""
    factor: float = 1.0
    added: float = 0.0
    lost: int = 0

    @property
    def keeps(self) -> bool:
        """Whether the values are the same, up to rounding."""
        return self.factor == 1.0 and self.added == 0.0 and not self.lost

    @property
    def text(self) -> str:
        """In words, as what the values are; empty where they are the same to the bit."""
        said = []
        if self.factor == -1:
            said.append("with the opposite sign")
        elif self.factor != 1:
            said.append(f"scaled by {number_in_words(self.factor)}")
        if self.added:
            said.append(f"with {number_in_words(self.added)} added")
        if self.rounded_to:
            said.append(f"rounded to {self.rounded_to}")
        if self.lost:
            said.append(f"and {self.lost} of them infinite there")
        return ", ".join(said)


AS_IT_IS = ValueRelation()


def wide_floats(array: np.ndarray) -> np.ndarray:
    """The array in float64; a complex one as its parts, along a new last axis."""
    if array.dtype.kind == "c":
        array = np.stack([array.real, array.imag], axis=-1)
    return array.astype(np.float64, order="C")


def is_constant(values: np.ndarray) -> bool:
    """Whether all entries are one value."""
    few = values.reshape(-1)[:: max(1, values.size // SAMPLE)]
    return values.size == 0 or bool(np.all(few == few[0]) and np.all(values == values.flat[0]))


def same_values(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two float64 arrays are equal everywhere, NaN to NaN; a few entries first."""
    if one.shape != other.shape or not np.array_equal(_few(one), _few(other), equal_nan=True):
        return False
    apart = one != other
    return not apart.any() or bool(np.isnan(one[apart]).all() and np.isnan(other[apart]).all())


def value_relation(expected: np.ndarray, given: np.ndarray, scaled: bool = True) -> ValueRelation | None:
    """How ``given`` follows from ``expected``, both float64 and of one shape, place by place; None where it does not.

    Args:
        scaled: also by a factor, or by a constant more; not asked of arrays without two different values.
    """
    if same_values(expected, given):
        return AS_IT_IS
    few = _few(expected)
    if expected.size > len(few) and few.min() < few.max() and value_relation(few, _few(given), scaled) is None:
        return None
    for name, rounded in _roundings():
        if same_values(rounded(_few(expected)), _few(given)) and same_values(rounded(expected), given):
            return ValueRelation(name, lost=int(np.count_nonzero(np.isinf(given) & np.isfinite(expected))))
    if np.all(np.isfinite(expected)) and np.all(np.isfinite(given)) and expected.size:
        if bool(np.all(np.abs(given - expected) <= np.spacing(np.abs(expected)) * 2.0**29)):
            return ValueRelation("float32, to its last place")
        if scaled and expected.min() < expected.max():
            return _affine(expected, given)
    return None


def format_of(values: np.ndarray) -> tuple[str, float]:
    """The narrowest of the formats that holds the values, and its unit roundoff; float64's where none does. Of float32
    a few entries are asked, of a narrower one all."""
    best, unit = "float64", 2.0**-53
    few = _few(values)
    for name, dtype in FORMATS:
        cast = _cast(dtype)
        if same_values(cast(few), few) and (name == "float32" or same_values(cast(values), values)):
            best, unit = name, float(ml_dtypes.finfo(dtype).eps) / 2
    return best, unit


def room_of(values: np.ndarray) -> float:
    """How far apart two sums of sizes may be, relatively, of which one's entries were rounded to the format of
    ``values``, and perhaps scaled before."""
    return FEW_ULPS * max(format_of(values)[1], 2.0**-22)


def in_format(values: np.ndarray, like: np.ndarray) -> np.ndarray:
    """The values rounded to the format that those of ``like`` are in."""
    known = dict(FORMATS)
    name, _ = format_of(like)
    if name not in known or (name == "float32" and same_values(_cast(known[name])(_few(values)), _few(values))):
        return values
    return _cast(known[name])(values)


def number_in_words(value: float) -> str:
    """A whole number, one over it, its root or one over that, where it is one; six digits of anything else, or as many
    as show that it is neither of the first two."""
    sign, size = "-" if value < 0 else "", abs(value)
    forms = (
        ("{}", size, EXACT),
        ("1/{}", 1 / size, EXACT),
        ("sqrt({})", size**2, NEAR),
        ("1/sqrt({})", size**-2, NEAR),
    )
    for text, number, room in forms:
        whole = round(number)
        if room == NEAR and isqrt(min(whole, LARGEST)) ** 2 == whole:
            continue  # the root of that is a whole number, and this is none
        if 1 <= whole <= LARGEST and abs(number - whole) <= room * number:
            return sign + text.format(whole)
    return next(said for said in (f"{value:.{digits}g}" for digits in range(6, 18)) if not _is_plain(float(said)))


def _is_plain(value: float) -> bool:
    """Whether a number is whole, or one over a whole one."""
    size = abs(value)
    return any(1 <= round(one) <= LARGEST and abs(one - round(one)) <= EXACT * one for one in (size, 1 / size))


def _affine(expected: np.ndarray, given: np.ndarray) -> ValueRelation | None:
    """Scaled or moved, within what the format of ``given`` rounds away. In a format of few digits much is alike by
    chance: there it takes several entries, and of different sizes."""
    name, unit = format_of(given)
    is_low = unit > LOW
    room = 2 * unit if is_low else FEW_ULPS * LOW
    largest = float(np.max(np.abs(expected)))
    if is_low and (unit > LOWEST or expected.size < SEVERAL or np.ptp(expected) <= SEVERAL * room * largest):
        return None
    # The factor that leaves the least: of rounded values it is nearer than that of any one entry.
    factor = _rounded(float(np.vdot(expected, given) / np.vdot(expected, expected)), room)
    left = room * np.abs(factor * expected) + _least_of(name)
    if factor and bool(np.all(np.abs(given - factor * expected) <= left)):
        if factor == 1:
            return None if is_low else ValueRelation("float32, to its last places")
        return ValueRelation(name if is_low else "", factor)
    moved = given - expected
    added = _rounded(float(np.median(moved)), room)
    # A constant that is no larger than what the format rounds away is none.
    sizes = np.maximum(np.abs(expected), np.abs(given)) + abs(added)
    if abs(added) > room * largest and bool(np.all(np.abs(moved - added) <= room * sizes)):
        return ValueRelation(name if is_low else "", added=added)
    return None


def _least_of(name: str) -> float:
    """The smallest number of a format, below which a product is lost."""
    return float(ml_dtypes.finfo(dict(FORMATS)[name]).smallest_subnormal) if name != "float64" else 0.0


def _rounded(value: float, room: float) -> float:
    """The number that is meant, where it is a whole one, one over it or a root, up to ``room``."""
    for exact, number in ((lambda n: n, abs(value)), (lambda n: 1 / n, 1 / abs(value) if value else 0.0)):
        if 1 <= round(number) <= LARGEST and abs(number - round(number)) <= room * number:
            return float(np.copysign(exact(round(number)), value))
    return value


def _roundings() -> Iterator[tuple[str, Callable[[np.ndarray], np.ndarray]]]:
    for name, dtype in FORMATS:
        yield name, _cast(dtype)
    yield "bfloat16 by cutting off", _cut


def _cast(dtype: np.dtype) -> Callable[[np.ndarray], np.ndarray]:
    def cast(values: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            # From float32, as weights are: float64 to a narrow format would be another rounding in rare cases.
            return values.astype(np.float32).astype(dtype).astype(np.float64)

    return cast


def _cut(values: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        bits = np.ascontiguousarray(values.astype(np.float32)).view(np.uint32)
    return (bits & np.uint32(0xFFFF0000)).view(np.float32).astype(np.float64)


def _few(values: np.ndarray) -> np.ndarray:
    """Some entries from all over the array, without a copy of it."""
    if values.ndim == 0:
        return values.reshape(-1)
    return values[np.unravel_index(np.arange(0, values.size, max(1, values.size // SAMPLE)), values.shape)]
