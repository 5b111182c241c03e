"""Precision, the second answer: does one side silently compute at a lower precision than the other?

Each side's error is taken against its own oracle, so the two functions may differ and the answer still holds.
A flag is a notice, not a verdict.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from compare.verdict.precision import Precision
from compare.verdict.thresholds import ENOUGH, LOST, POLICIES, RATIO
from compare.verdict.verdict import Judgement

OTHER_CAUSE = "a lower precision somewhere, or an algorithm that cancels"


@dataclass(frozen=True)
class PrecisionFlag:
    """One side computes less precisely. ``quantity`` and ``probe`` name where it loses the most.

    Attributes:
        bits_reference, bits_port: effective bits there.
        ratio: error_port / error_reference there.
        quantities: how many quantities show it.
    """

    side: str
    quantity: str
    probe: str
    bits_reference: float
    bits_port: float
    ratio: float
    quantities: int
    likely: str


def precision_flag(
    judged: Iterable[tuple[str, str, Judgement]], precision: Precision, smooth: bool
) -> PrecisionFlag | None:
    """The flag for a pair, from (quantity, probe, judgement) of all that was judged; None where both sides agree.

    A side is flagged where it loses more than a third of the format's bits against the other, or, on a network
    without kinks, where the ratio of the errors leaves [1/4, 4] on a quantity of at least 16 entries.
    """
    flagged = [
        (name, probe, judgement) for name, probe, judgement in judged if _is_flagged(judgement, precision, smooth)
    ]
    if not flagged:
        return None
    name, probe, most = max(flagged, key=lambda row: abs(row[2].bits_reference - row[2].bits_port))
    side = "port" if most.bits_port < most.bits_reference else "reference"
    if most.bits_port == most.bits_reference:
        side = "port" if most.ratio > 1 else "reference"
    bits = [min(judgement.bits_reference, judgement.bits_port) for _, _, judgement in flagged]
    everywhere = any(probe == "batch" for _, probe, _ in flagged)  # a policy shows on ordinary numbers too
    return PrecisionFlag(
        side,
        name,
        probe,
        most.bits_reference,
        most.bits_port,
        most.ratio,
        len(flagged),
        _likely(median(bits)) if everywhere else OTHER_CAUSE,
    )


def _is_flagged(one: Judgement, precision: Precision, smooth: bool) -> bool:
    if one.scale == 0 or one.entries == 0:
        return False
    lost = abs(one.bits_reference - one.bits_port)
    off = smooth and one.entries >= ENOUGH and not 1 / RATIO <= one.ratio <= RATIO
    return off or lost > precision.bits * LOST


def _likely(bits: float) -> str:
    for low, high, policy in POLICIES:
        if low <= bits < high:
            return policy
    return OTHER_CAUSE
