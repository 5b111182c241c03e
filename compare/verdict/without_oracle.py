"""The judge where a model cannot run in float64: two arrays, and how far re-runs nearby leave them."""

from dataclasses import replace

import numpy as np

from compare.verdict.norms import measure, number, worst_entry
from compare.verdict.precision import Precision
from compare.verdict.thresholds import NEARBY_MARGIN
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
    reference: np.ndarray, port: np.ndarray, error_reference: float, error_port: float, precision: Precision
) -> Judgement:
    """Hold the port against the reference at the working precision alone, where a model cannot run in float64.

    Args:
        reference, port: the quantity as each side computes it at ``precision``.
        error_reference, error_port: each side's largest deviation (2-norm) over re-runs nearby.

    The best verdict is ``float32_only``: |t_p - j_p| <= 4 max(e_t, e_j, s u_p).
    """
    if differs := structures_differ((reference, port)):
        return Judgement(Verdict.INVALID, reason=differs)
    if array_kind(reference) == "exact":
        exact = judge_exact(reference, port, reference, port)
        return exact if exact.verdict is not Verdict.MATCH else replace(exact, verdict=Verdict.FLOAT32_ONLY)
    norms = measure(reference, port, reference, port, precision.smallest_normal)
    if unheld := cannot_be_held(norms):
        return unheld
    allowed = NEARBY_MARGIN * max(error_reference, error_port, norms.scale * precision.unit_roundoff)
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
