"""How much of a pair is compared: what the judge asks for, and so what a record must hold."""

from dataclasses import dataclass

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


BY_DEFAULT = Plan()
