"""A run of a pair in which something differs."""

from dataclasses import dataclass, field

from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.judging import Judged


@dataclass(frozen=True)
class FailedRun:
    """A probe, a mode and what enters there, on which something differs, and how that was judged."""

    probe: str
    mode: Mode
    entering: Entering
    judged: Judged = field(default_factory=lambda: Judged({}))

    @property
    def exact(self) -> bool:
        """Whether both models ran in float64: only then can a cause be proven."""
        return not self.judged.no_oracle
