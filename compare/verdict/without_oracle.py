"""The judge where a model cannot run in float64: two arrays, and how far rounding leaves each from what it would be."""

from dataclasses import replace

import numpy as np

from compare.verdict.median import median_magnitude
from compare.verdict.norms import Norm, measure, number, worst_entry
from compare.verdict.precision import Precision
from compare.verdict.thresholds import FILL, NEARBY_MARGIN
from compare.verdict.verdict import (
    Judgement,
    Verdict,
    Worst,
    array_kind,
    cannot_be_held,
    effective_bits,
    judge_exact,
    structures_differ,
)


def judge_without_oracle(
    reference: np.ndarray,
    port: np.ndarray,
    error_reference: float,
    error_port: float,
    precision: Precision,
    exact: tuple[np.ndarray, np.ndarray] | None = None,
    ordinary: float = 0.0,
) -> Judgement:
    """Hold the port against the reference at the working precision alone, where a model cannot run in float64.

    Args:
        reference, port: the quantity as each side computes it at ``precision``.
        error_reference, error_port: each side's rounding error (2-norm) over the entries that ``deviation`` counts.
        exact: the reference and the port in float64, as each has it: what integers that differ are judged by.
        ordinary: what the size s counts as at least, as with oracles.

    The best verdict is ``float32_only``: |t_p - j_p| <= 4 max(e_t, e_j, s u_p).
    """
    if differs := structures_differ((reference, port)):
        return Judgement(Verdict.INVALID, reason=differs)
    if array_kind(reference) == "exact":
        reference_64, port_64 = exact or (reference, port)
        # Equal at the working precision is equal: a program of that precision holds its constants in it.
        port_64 = np.where(reference == port, reference_64, port_64)
        whole = judge_exact(reference, port, reference_64, port_64)
        return whole if whole.verdict is not Verdict.MATCH else replace(whole, verdict=Verdict.FLOAT32_ONLY)
    norms = measure(reference, port, reference, port, precision.smallest_normal)
    if unheld := cannot_be_held(norms):
        return unheld
    allowed = NEARBY_MARGIN * max(error_reference, error_port, max(norms.scale, ordinary) * precision.unit_roundoff)
    index = worst_entry(reference, port)
    return Judgement(
        Verdict.FLOAT32_ONLY if norms.gap <= allowed else Verdict.MISMATCH,
        gap=norms.gap,
        allowed=allowed,
        quiet=allowed,
        error_reference=error_reference,
        error_port=error_port,
        scale=norms.scale,
        bits_reference=effective_bits(error_reference, norms.scale, precision),
        bits_port=effective_bits(error_port, norms.scale, precision),
        entries=norms.entries,
        fills=norms.fills,
        flushed=norms.flushed,
        nonfinite=norms.nonfinite,
        worst=None if index is None else Worst(index, number(reference[index]), number(port[index])),
    )


def deviation(own: np.ndarray, again: np.ndarray, other: np.ndarray | None = None) -> float:
    """|own - again| of one side's quantity, as a 2-norm over the entries that the gap to ``other``, the other side's,
    runs over: those that are finite, and no fills."""
    left, right = _parts(own), _parts(again)
    kept = np.isfinite(left) & np.isfinite(right)
    if other is not None and other.shape == own.shape:
        beside, magnitude = _parts(other), np.abs(left)
        kept &= np.isfinite(beside)
        median = median_magnitude(left)
        kept &= ~((left == beside) & (magnitude >= FILL * median) & (median > 0))
    norm = Norm()
    with np.errstate(over="ignore"):
        norm.add(left[kept] - right[kept])
    return norm.value


def _parts(array: np.ndarray) -> np.ndarray:
    """Every entry in float64; a complex one is its real and its imaginary part."""
    flat = np.ravel(array)
    return flat.astype(np.complex128).view(np.float64) if np.iscomplexobj(flat) else flat.astype(np.float64)
