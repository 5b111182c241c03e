"""Everything that was found out about one pair."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compare.verdict.bits import PrecisionFlag
from compare.verdict.quantity import Quantity
from compare.verdict.verdict import Verdict
from compare.verification.certificates import Coverage, Teeth
from compare.verification.envelope import Envelope

if TYPE_CHECKING:
    from compare.explain.explain import Explanation


@dataclass(frozen=True)
class PairReport:
    """Everything that was found out about one pair."""

    pair: str
    title: str
    verdict: Verdict
    device: str
    dtype: str
    quantities: tuple[Quantity, ...]
    precision: PrecisionFlag | None
    coverage: Coverage
    teeth: Teeth
    weight_map: tuple[str, ...]
    notices: tuple[str, ...]
    envelope: Envelope | None = None
    explanation: "Explanation | None" = None

    def failed(self, strict: bool = False) -> bool:
        """Whether the pair counts as not matched. ``strict`` accepts neither float32_only, nor a flag, nor a
        toothless check."""
        if strict:
            return self.verdict is not Verdict.MATCH or self.precision is not None or bool(self.teeth.toothless)
        return self.verdict not in (Verdict.MATCH, Verdict.FLOAT32_ONLY)
