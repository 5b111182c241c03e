"""What was seen of a pair's update rule, in data and in a line; neither framework is needed for it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from compare.verdict.counted import counted
from compare.verdict.quantity import Quantity
from compare.verdict.verdict import Verdict, worst

if TYPE_CHECKING:  # they run torch: a port is judged against a record where it is not installed
    from compare.sides.rule_inputs import RuleInputs
    from compare.verification.rule_runs import RuleRuns


@dataclass(frozen=True)
class UpdateRule:
    """What was seen of a pair's update rule, and what was not.

    Attributes:
        quantities: one for each block of steps, and one for the schedules beyond them; none where it was not judged.
        steps: that both optimizers made.
        clipped: in how many of them a clip acted.
        milestones: after how many steps the learning rate jumped, of a schedule of jumps.
        rates: the smallest and the largest learning rate of those steps, where they are known and change.
        schedules: the step up to which the schedules were compared as functions; 0 where they were not.
        differs: the first step that differs; 0 where none does.
        not_seen: what was not, in sentences.
        runs, inputs: of a rule that differs, what it was judged by; again: makes both for so many steps on other
            parameters and gradients.
    """

    quantities: tuple[Quantity, ...] = ()
    steps: int = 0
    clipped: int = 0
    milestones: tuple[int, ...] = ()
    rates: tuple[float, float] | None = None
    schedules: int = 0
    differs: int = 0
    not_seen: tuple[str, ...] = ()
    runs: "RuleRuns | None" = field(default=None, repr=False, compare=False)
    inputs: "RuleInputs | None" = field(default=None, repr=False, compare=False)
    again: "Callable[[int], tuple[RuleRuns, RuleInputs]] | None" = field(default=None, repr=False, compare=False)

    @property
    def verdict(self) -> Verdict | None:
        """The worst of its quantities; None where it was not judged."""
        return worst([one.verdict for one in self.quantities]) if self.quantities else None

    @property
    def text(self) -> str:
        """What was seen, and what was not, in a line."""
        if self.verdict is None:
            return f"not judged apart from the model: {'; '.join(self.not_seen)}"
        seen = [counted(self.steps, "step")]
        seen += [f"clip acted in {self.clipped:,}"] if self.clipped else []
        if self.milestones:
            more = f" and {len(self.milestones) - 3} more" if len(self.milestones) > 3 else ""
            many = "milestone" if len(self.milestones) == 1 else "milestones"
            seen.append(f"{many} {', '.join(map(str, self.milestones[:3]))}{more} passed")
        elif self.rates:
            seen.append(f"learning rates from {self.rates[0]:.3g} to {self.rates[1]:.3g}")
        seen += [f"schedules as functions to step {self.schedules:,}"] if self.schedules else []
        verdict = f"{self.verdict} from step {self.differs:,} on" if self.differs else str(self.verdict)
        unseen = [f"not seen: {', '.join(self.not_seen)}"] if self.not_seen else []
        return "; ".join([", ".join(seen), verdict, *unseen])


ON_RECORD = UpdateRule(not_seen=("the reference is on record",))
