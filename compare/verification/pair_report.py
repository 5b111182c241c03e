"""Everything that was found out about one pair, and the verdict on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compare.pair.pair import Entering
from compare.sides.quartet import Quartet
from compare.verdict.bits import PrecisionFlag
from compare.verdict.quantity import Quantity
from compare.verdict.verdict import Verdict, fails, worst
from compare.verification.certificates import Coverage, Teeth, coverage
from compare.verification.envelope import Envelope
from compare.verification.mesh_report import MeshReport
from compare.verification.overwritten import overwritten
from compare.verification.probing import Outcome, skipped_in
from compare.verification.rule_report import UpdateRule
from compare.weights.own.own_weights import OwnWeights

if TYPE_CHECKING:
    from compare.explain.explanation import Explanation


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
    lowered: str = ""  # what both sides round below the working precision, at the same places
    update_rule: UpdateRule | None = None
    loader: tuple[str, ...] = ()  # those of the notices that say what whoever loads weights has to do
    weights: OwnWeights | None = None  # of a side that came with weights of its own
    mesh: MeshReport | None = None  # where the port was run on one

    def failed(self, strict: bool = False) -> bool:
        """Whether the pair counts as not matched; ``strict`` as in ``fails``. Weights count that were asked for."""
        if self.weights is not None and self.weights.failed:
            return True
        return fails(self.verdict, self.precision is not None, bool(self.teeth.toothless), strict, bool(self.lowered))


def covered_by(
    quartet: Quartet, entering: Entering, outcomes: Sequence[Outcome], quantities: Sequence[Quantity]
) -> Coverage:
    """The coverage of all outcomes together."""
    judged = [outcome for outcome in outcomes if outcome.judged]
    digests: dict[str, dict[str, bytes]] = {}
    for outcome in judged:
        digests.setdefault(outcome.probe, {}).update(outcome.digests)
    changed = {name for outcome in judged if outcome.judged for name in outcome.judged.reference.changed}
    return coverage(
        quartet,
        entering,
        quantities,
        skipped_in(outcomes),
        digests,
        changed,
        overwritten(quartet, entering, changed),
        {line for outcome in outcomes for line in outcome.drawn},
        {name for outcome in outcomes for name in outcome.unlike},
    )


def verdict_of(quantities: Sequence[Quantity], covered: Coverage) -> Verdict:
    """The worst quantity's, and at best ``incomplete`` where something was not compared."""
    verdict = worst([quantity.verdict for quantity in quantities])
    left = covered.not_compared or covered.drawn
    return max(verdict, Verdict.INCOMPLETE, key=lambda one: one.severity) if left else verdict
