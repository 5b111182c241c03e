"""How much of a pair is compared: what the judge asks for, and so what a record must hold."""

from dataclasses import dataclass
from operator import index
from typing import SupportsIndex

from compare.errors import UsageError, shown
from compare.verdict.thresholds import TRAINING_STEPS


@dataclass(frozen=True)
class Plan:
    """How much is compared.

    Attributes:
        seed: of everything that is drawn.
        all_probes: also probes with another number of rows, each of which compiles anew.
        quick: the pair's own batch alone: no probes and no mutants.
        steps: training steps, where the pair has optimizers.
        locate: where something differs, find out where and why.
    """

    seed: int = 0
    all_probes: bool = False
    quick: bool = False
    steps: int = TRAINING_STEPS
    locate: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.seed, SupportsIndex) or isinstance(self.seed, bool) or index(self.seed) < 0:
            raise UsageError(f"seed: expected a whole number from 0, got {shown(self.seed)}")
        object.__setattr__(self, "seed", index(self.seed))
        for name in ("all_probes", "quick", "locate"):
            check_flag(name, getattr(self, name))


def check_flag(name: str, value: object) -> None:
    """Refuse what is neither True nor False: any text, "no" too, would be true.

    Raises:
        UsageError: it is neither.
    """
    if not isinstance(value, bool):
        raise UsageError(f"{name}: expected True or False, got {shown(value)}")


BY_DEFAULT = Plan()
