"""Norms of one quantity's four runs, in one sweep over blocks that stay in cache.

A sweep reads every array once and needs memory for a few blocks, whatever the size. Each block's sums of squares
come from ``np.dot`` on fewer entries than any BLAS spreads over threads; a block whose sums leave the safe range of
float64, or that holds an entry to be left out, is measured again with care, and only that block.

A complex entry is its real and its imaginary part: two entries, whose 2-norm is its modulus.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf, sqrt

import numpy as np

from compare.verdict.median import median_magnitude
from compare.verdict.thresholds import FILL

BLOCK = 8192  # entries: five float64 buffers are 320 KiB, inside a core's second-level cache
SAFE = (1e-200, 1e200)  # sums of squares in this range have neither over- nor underflowed


@dataclass
class Norms:
    """The 2-norms that the verdict rests on, and what was left out of them.

    ``entries`` is how many the gap runs over; the errors run over those of them that are ``measured``, finite at the
    working precision too.
    """

    gap: float = 0.0
    error_reference: float = 0.0
    error_port: float = 0.0
    scale: float = 0.0
    entries: int = 0
    measured: int = 0
    fills: int = 0
    flushed: int = 0
    nonfinite: int = 0
    disagreement: str = ""
    where: tuple[int, ...] | None = None
    values: tuple[complex, complex] = (0.0, 0.0)


@dataclass
class Norm:
    """A 2-norm kept as ``largest * sqrt(total)``, so that no square over- or underflows (as in LAPACK's dnrm2)."""

    largest: float = 0.0
    total: float = 0.0
    infinite: bool = False  # a difference of two finite numbers overflowed

    def add_squares(self, squares: float) -> None:
        """Add entries whose sum of squares is known, and safe or exactly 0."""
        self._merge(1.0, squares)

    def add(self, block: np.ndarray) -> None:
        """Add the entries of ``block``, whatever their size."""
        with np.errstate(over="ignore", under="ignore"):
            squares = float(np.dot(block, block))
        if SAFE[0] < squares < SAFE[1]:
            self._merge(1.0, squares)
        elif block.size and (largest := float(np.max(np.abs(block)))) == inf:
            self.infinite = True
        elif block.size and largest > 0:
            scaled = block / largest
            self._merge(largest, float(np.dot(scaled, scaled)))

    def _merge(self, largest: float, total: float) -> None:
        if total == 0:
            return
        if largest > self.largest:
            self.largest, self.total, largest, total = largest, total, self.largest, self.total
        self.total += total * (largest / self.largest) ** 2

    @property
    def value(self) -> float:
        return inf if self.infinite else self.largest * sqrt(self.total)


@dataclass
class _Sweep:
    """What one sweep gathers; ``fill`` is the magnitude from which equal entries are left out."""

    fill: float
    tiny: float
    probe: float  # a magnitude expected to lie below the median, checked by counting
    gap: Norm = field(default_factory=Norm)
    error_reference: Norm = field(default_factory=Norm)
    error_port: Norm = field(default_factory=Norm)
    scale: Norm = field(default_factory=Norm)
    entries: int = 0
    measured: int = 0
    fills: int = 0
    flushed: int = 0
    nonfinite: int = 0
    nonzero: int = 0
    above_probe: int = 0
    largest: float = 0.0

    def block(self, t: np.ndarray, j: np.ndarray, t64: np.ndarray, j64: np.ndarray, room: np.ndarray) -> str:
        """Add one block. Returns what disagrees in it, or the empty string."""
        difference, magnitude = room[0, : t64.size], room[1, : t64.size]
        np.abs(t64, out=magnitude)
        largest = float(np.max(magnitude))
        flushed = int(np.count_nonzero(magnitude < self.tiny))
        nonzero = int(np.count_nonzero(magnitude)) if flushed else t64.size
        flushed -= t64.size - nonzero
        sums, plain = [], largest < self.fill and not flushed
        for left, right in ((t, t64), (j, j64), (t64, j64), (t64, None)):
            np.copyto(difference, left)
            if right is not None:
                np.subtract(difference, right, out=difference)
            squares = float(np.dot(difference, difference))
            plain = plain and (SAFE[0] < squares < SAFE[1] or (squares == 0 and not difference.any()))
            sums.append(squares)
        if not plain:
            return self._with_care(t, j, t64, j64)
        self.above_probe += int(np.count_nonzero(magnitude > self.probe))
        self.nonzero += nonzero
        self.largest = max(self.largest, largest)
        self.entries += t64.size
        self.measured += t64.size
        for norm, squares in zip((self.error_reference, self.error_port, self.gap, self.scale), sums, strict=True):
            norm.add_squares(squares)
        return ""

    def _with_care(self, t: np.ndarray, j: np.ndarray, t64: np.ndarray, j64: np.ndarray) -> str:
        arrays = [np.asarray(array, np.float64) for array in (t, j, t64, j64)]
        if complaint := _nonfinite_disagreement(*arrays):
            return complaint
        # An entry that overflows at the working precision has no error there, but its oracles still have a gap.
        oracles = np.isfinite(arrays[2]) & np.isfinite(arrays[3])
        t, j, t64, j64 = (array[oracles] for array in arrays)
        finite = np.isfinite(t) & np.isfinite(j)
        self.nonfinite += int(oracles.size - np.count_nonzero(finite))
        self.measured += int(np.count_nonzero(finite))
        magnitude = np.abs(t64)
        self.nonzero += int(np.count_nonzero(magnitude))
        self.above_probe += int(np.count_nonzero(magnitude > self.probe))
        self.largest = max(self.largest, float(np.max(magnitude, initial=0.0)))
        fill = (t64 == j64) & (magnitude >= self.fill)
        small = [np.abs(array) < self.tiny for array in (t, j, t64, j64)]
        flushed = np.logical_and.reduce(small) & (magnitude > 0)
        kept = ~fill & ~flushed
        self.fills += int(np.count_nonzero(fill))
        self.flushed += int(np.count_nonzero(flushed & ~fill))
        self.entries += int(np.count_nonzero(kept))
        with np.errstate(over="ignore"):
            self.gap.add((t64 - j64)[kept])
            self.scale.add(t64[kept])
            self.error_reference.add((t - t64)[kept & finite])
            self.error_port.add((j - j64)[kept & finite])
        return ""


def measure(t: np.ndarray, j: np.ndarray, t64: np.ndarray, j64: np.ndarray, smallest_normal: float) -> Norms:
    """The norms of one quantity: all four arrays have one shape, the first two hold the working-precision runs."""
    shape = t64.shape
    whole = tuple(np.ravel(array) for array in (t, j, t64, j64))
    flat = tuple(array.view(array.real.dtype) for array in whole)
    sweep, stopped = _sweep(flat, inf, smallest_normal)
    if not stopped and not _surely_without_fills(sweep):
        median = median_magnitude(flat[2])
        if sweep.largest >= FILL * median > 0:
            sweep, stopped = _sweep(flat, FILL * median, smallest_normal)
    norms = Norms(
        gap=sweep.gap.value,
        error_reference=sweep.error_reference.value,
        error_port=sweep.error_port.value,
        scale=sweep.scale.value,
        entries=sweep.entries,
        measured=sweep.measured,
        fills=sweep.fills,
        flushed=sweep.flushed,
        nonfinite=sweep.nonfinite,
    )
    if stopped:
        norms.disagreement, offset = stopped
        at = offset // (2 if np.iscomplexobj(whole[2]) else 1)
        norms.where = tuple(int(i) for i in np.unravel_index(at, shape))
        pair = whole[:2] if "working" in norms.disagreement else whole[2:]
        norms.values = (number(pair[0][at]), number(pair[1][at]))
    return norms


def _sweep(flat: tuple[np.ndarray, ...], fill: float, tiny: float) -> tuple[_Sweep, tuple[str, int] | None]:
    sweep, room = _Sweep(fill, tiny, _guess_below_median(flat[2])), np.empty((2, BLOCK))
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        for start, t, j, t64, j64 in _blocks(flat):
            if complaint := sweep.block(t, j, t64, j64, room):
                arrays = [np.asarray(array, np.float64) for array in (t, j, t64, j64)]
                pair = arrays[:2] if "working" in complaint else arrays[2:]
                return sweep, (complaint, start + int(np.argmax(_unlike(*pair))))
    return sweep, None


def _blocks(flat: tuple[np.ndarray, ...]) -> Iterator[tuple]:
    for start in range(0, flat[2].size, BLOCK):
        t, j, t64, j64 = (array[start : start + BLOCK] for array in flat)
        yield start, t, j, np.asarray(t64, np.float64), np.asarray(j64, np.float64)


def _guess_below_median(t64: np.ndarray) -> float:
    """Half the median magnitude of a strided sample. Only a guess: the sweep counts whether it holds."""
    sample = np.abs(t64[:: max(1, t64.size // 4096)].astype(np.float64))
    sample = sample[np.isfinite(sample) & (sample > 0)]
    return float(np.median(sample)) / 2 if sample.size else 0.0


def _surely_without_fills(sweep: _Sweep) -> bool:
    """More than half of the nonzero entries exceed the guess, so the median does, and no entry is 2**8 times it."""
    return 2 * sweep.above_probe > sweep.nonzero and sweep.largest < FILL * sweep.probe


def worst_entry(t64: np.ndarray, j64: np.ndarray) -> tuple[int, ...] | None:
    """The index where the two float64 runs are farthest apart; None for an empty quantity. NaN and infinity, which
    a judgement only gets past when both sides have them in one place, are passed over."""
    if t64.size == 0:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        own = np.complex128 if np.iscomplexobj(t64) else np.float64
        gaps = np.abs(np.asarray(t64, own) - np.asarray(j64, own))
    gaps = np.where(np.isnan(gaps), -1.0, gaps)
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(gaps)), t64.shape))


def number(entry: np.generic) -> complex:
    """One entry of an array as a number of Python: a float, or a complex number."""
    return complex(entry) if np.iscomplexobj(entry) else float(entry)


def _unlike(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Where one is NaN and the other is not, or one is infinite and the other is not the same infinity."""
    infinite = np.isinf(left) | np.isinf(right)
    return (np.isnan(left) != np.isnan(right)) | (infinite & ~(np.isnan(left) | np.isnan(right)) & (left != right))


def _nonfinite_disagreement(t: np.ndarray, j: np.ndarray, t64: np.ndarray, j64: np.ndarray) -> str:
    if np.any(_unlike(t, j)):
        return "NaN or infinity in different places at the working precision"
    if np.any(_unlike(t64, j64)):
        return "NaN or infinity in different places in float64"
    return ""
