"""The judge: the four arrays of one quantity in, a verdict out. It knows neither torch nor jax.

DESIGN.md, section 4, derives the rule. In short, with the 2-norm over the entries of a quantity:

    e_t = |t_p - t_64|, e_j = |j_p - j_64|    each side's own rounding error at the working precision p
    g = |t_64 - j_64|, s = |t_64|             the gap between the two functions, and the quantity's size
    predicted = max(e_t, e_j, s u_p) u_64 / u_p                     the gap that rounding alone leaves in float64
    quiet     = max(min(e_t, e_j), s u_p) min(1, 2**-24 / u_p)      the noise of single precision

    match when g <= 2**10 predicted; else float32_only when g <= 2 quiet; else mismatch.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import inf, log2

import numpy as np

from compare.verdict.norms import Norms, measure, number, worst_entry
from compare.verdict.precision import FLOAT32, FLOAT64, Precision
from compare.verdict.thresholds import MARGIN, QUIET_MARGIN

LOOK_UP = 1 << 20  # entries; the worst entry of a larger quantity is looked up only where it is no match


class Verdict(StrEnum):
    """What the judge says, from best to worst: the value is the word that reports use."""

    MATCH = "match"
    FLOAT32_ONLY = "float32_only"
    INCOMPLETE = "incomplete"
    MISMATCH = "mismatch"
    INVALID = "invalid"

    @property
    def severity(self) -> int:
        return list(Verdict).index(self)


PASSED = (Verdict.MATCH, Verdict.FLOAT32_ONLY)  # of what counts as the same function


def fails(verdict: str, flagged: bool, toothless: bool, strict: bool = False, lowered: bool = False) -> bool:
    """Whether a pair of this verdict counts as not matched. ``strict`` accepts neither ``float32_only``, nor that a
    side's precision is flagged, nor a check without teeth, nor that both sides are lower inside than they are run."""
    if strict:
        return verdict != Verdict.MATCH or flagged or toothless or lowered
    return verdict not in PASSED


def worst(verdicts: "list[Verdict]") -> Verdict:
    """The most severe of ``verdicts``; ``incomplete`` for none, since nothing was compared."""
    return max(verdicts, key=lambda verdict: verdict.severity, default=Verdict.INCOMPLETE)


@dataclass(frozen=True)
class Worst:
    """The entry where the two float64 runs are farthest apart: floats, or complex numbers."""

    index: tuple[int, ...]
    reference: complex
    port: complex


@dataclass(frozen=True)
class Judgement:
    """The verdict on one quantity, and every number it rests on (all are 2-norms, in the quantity's own unit).

    Attributes:
        gap: |t_64 - j_64|, how far the two functions are apart.
        allowed: the largest gap that is still a match.
        quiet: the noise of single precision: up to twice this gap is ``float32_only``.
        error_reference, error_port: each side's own rounding error at the working precision.
        scale: |t_64|.
        bits_reference, bits_port: effective bits, ``-log2(error / scale)`` clipped to the format.
        ratio: error_port / error_reference, each taken as at least the format's roundoff, so never 0 or infinite.
        entries: how many entries the norms run over; a complex one is two.
        fills, flushed, nonfinite: how many were left out: equal huge entries that would blind the norm, entries too
            small for the format, and entries that are not finite in every run.
        worst: the entry with the largest gap, or None where none was looked up.
        reason: why, in one line, where the numbers alone do not say it.
    """

    verdict: Verdict
    gap: float = 0.0
    allowed: float = 0.0
    quiet: float = 0.0
    error_reference: float = 0.0
    error_port: float = 0.0
    scale: float = 0.0
    bits_reference: float = 0.0
    bits_port: float = 0.0
    ratio: float = 1.0
    entries: int = 0
    fills: int = 0
    flushed: int = 0
    nonfinite: int = 0
    worst: Worst | None = None
    reason: str = ""

    @property
    def detection_limit(self) -> float:
        """The smallest relative difference that would not have been a match; infinite where the quantity is 0."""
        return self.allowed / self.scale if self.scale > 0 else inf


def judge(
    reference: np.ndarray,
    port: np.ndarray,
    reference_64: np.ndarray,
    port_64: np.ndarray,
    precision: Precision,
    ordinary: float = 0.0,
) -> Judgement:
    """Hold one quantity of the port against the reference.

    Args:
        reference, port: the quantity as each side computes it at ``precision``; any float dtype that holds it exactly.
        reference_64, port_64: the same in float64, from the same values rounded to ``precision``.
        precision: the working precision.
        ordinary: |t_64| of the same quantity on the pair's own batch, for one taken on a probe. Where a probe saturates
            a network, a gradient can be exactly 0 at the working precision on both sides and 1e-16 of its ordinary size
            in float64: then neither the errors nor the size on the probe say how large rounding is.

    Integers and booleans are judged by equality of the float64 runs.
    """
    if differs := structures_differ((reference, port), (reference_64, port_64)):
        return Judgement(Verdict.INVALID, reason=differs)
    if array_kind(reference_64) == "exact":
        return judge_exact(reference, port, reference_64, port_64)
    norms = measure(reference, port, reference_64, port_64, precision.smallest_normal)
    if unheld := cannot_be_held(norms):
        return unheld
    if norms.entries and not norms.measured:
        reason = f"{precision.name} holds no finite entry where the oracles do"
        return Judgement(Verdict.INCOMPLETE, nonfinite=norms.nonfinite, reason=reason)
    return _judge_norms(norms, precision, ordinary, reference_64, port_64)


def _judge_norms(
    norms: Norms, precision: Precision, ordinary: float, reference_64: np.ndarray, port_64: np.ndarray
) -> Judgement:
    roundoff = precision.unit_roundoff
    floor = norms.scale * roundoff
    errors = max(norms.error_reference, norms.error_port, floor, ordinary * roundoff)
    predicted = errors * FLOAT64.unit_roundoff / roundoff
    quiet = max(min(norms.error_reference, norms.error_port), floor) * min(1.0, FLOAT32.unit_roundoff / roundoff)
    if norms.gap <= MARGIN * predicted:
        verdict = Verdict.MATCH
    elif norms.gap <= QUIET_MARGIN * quiet:
        verdict = Verdict.FLOAT32_ONLY
    else:
        verdict = Verdict.MISMATCH
    look = verdict is not Verdict.MATCH or reference_64.size <= LOOK_UP
    index = worst_entry(reference_64, port_64) if look else None
    return Judgement(
        verdict,
        gap=norms.gap,
        allowed=MARGIN * predicted,
        quiet=quiet,
        error_reference=norms.error_reference,
        error_port=norms.error_port,
        scale=norms.scale,
        bits_reference=effective_bits(norms.error_reference, norms.scale, precision),
        bits_port=effective_bits(norms.error_port, norms.scale, precision),
        ratio=_ratio(norms, precision),
        entries=norms.entries,
        fills=norms.fills,
        flushed=norms.flushed,
        nonfinite=norms.nonfinite,
        worst=None if index is None else Worst(index, number(reference_64[index]), number(port_64[index])),
        reason="",
    )


def structures_differ(*runs: tuple[np.ndarray, np.ndarray]) -> str:
    """What the reference's and the port's arrays do not share before any number is looked at; empty where they may be
    held against each other. ``runs``: pairs of (reference's, port's), the most exact last."""
    shapes = [array.shape for run in runs for array in run]
    if len(set(shapes)) > 1:
        return f"shape {shapes[0]} in the reference, {shapes[1]} in the port"
    reference, port = map(array_kind, runs[-1])
    return f"{reference} in the reference, {port} in the port" if reference != port else ""


def cannot_be_held(norms: Norms) -> Judgement | None:
    """The judgement where NaN or infinity leave nothing to compare, or stand in different places."""
    if norms.disagreement:
        return Judgement(Verdict.INVALID, nonfinite=norms.nonfinite, worst=_entry(norms), reason=_said(norms))
    if not norms.entries and norms.nonfinite:
        return Judgement(Verdict.INCOMPLETE, nonfinite=norms.nonfinite, reason="no entry is finite")
    return None


def effective_bits(error: float, scale: float, precision: Precision) -> float:
    """``-log2(error / scale)``, between 0 and the format's own bits: how many leading bits of a result are right."""
    if error == 0:
        return float(precision.bits)
    return 0.0 if error >= scale else min(float(precision.bits), log2(scale) - log2(error))


def _ratio(norms: Norms, precision: Precision) -> float:
    """e_j / e_t, where an error below the format's own rounding is luck and counts as that rounding."""
    floor = norms.scale * precision.unit_roundoff
    reference, port = max(norms.error_reference, floor), max(norms.error_port, floor)
    return port / reference if reference > 0 else 1.0


def array_kind(array: np.ndarray) -> str:
    """``exact`` for integers and booleans, ``complex``, and ``inexact`` for every float, bfloat16 included, which NumPy
    does not count as one."""
    return "exact" if array.dtype.kind in "biu" else "complex" if array.dtype.kind == "c" else "inexact"


def _entries(count: int) -> str:
    return "entries differs" if count == 1 else "entries differ"


def judge_exact(reference: np.ndarray, port: np.ndarray, reference_64: np.ndarray, port_64: np.ndarray) -> Judgement:
    unequal = reference_64 != port_64
    count, size = int(np.count_nonzero(unequal)), reference_64.size
    if count:
        index = tuple(int(i) for i in np.unravel_index(int(np.argmax(unequal)), unequal.shape))
        entry = Worst(index, float(reference_64[index]), float(port_64[index]))
        return Judgement(
            Verdict.MISMATCH, gap=float(count), entries=size, worst=entry, reason=f"{count} of {size} {_entries(count)}"
        )
    flips = int(np.count_nonzero(reference != port))
    notice = f"{flips} of {size} {_entries(flips)} at the working precision only (near-ties)" if flips else ""
    return Judgement(Verdict.MATCH, entries=size, reason=notice)


def _said(norms: Norms) -> str:
    """What disagrees, and where it first does."""
    if norms.where is None:
        return norms.disagreement
    reference, port = norms.values
    return f"{norms.disagreement}, first at {list(norms.where)}: {reference:g} in the reference, {port:g} in the port"


def _entry(norms: Norms) -> Worst | None:
    return None if norms.where is None else Worst(norms.where, *norms.values)
