"""Why two update rules differ that were run apart from their models: the doctor's search on those steps alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from compare.explain.doctor.diagnosis import Diagnosis
from compare.explain.doctor.gaps import WorstGap, size
from compare.explain.doctor.thresholds import UNSEEN
from compare.explain.doctor.updates.another_draw import OtherSteps
from compare.explain.doctor.updates.led import Retraining
from compare.explain.doctor.updates.recorded_steps import Replay, Step, by_quantity
from compare.explain.doctor.updates.rules import Rules
from compare.explain.doctor.updates.updates import diagnosed
from compare.pair.pair import Entering
from compare.sides.quartet import Quartet


@dataclass(frozen=True)
class StepsApart:
    """What the port's optimizer was given, and what it made of it, by step and parameter.

    Attributes:
        before: parameters as each step found them; gradients: None for one without; updates: of what is compared.
        allowed: the gap in each that is still a match.
        differing: the quantities that are no match, named as ``update_name`` does.
    """

    before: tuple[Step, ...]
    gradients: tuple[Mapping[str, np.ndarray | None], ...]
    updates: tuple[Step, ...]
    allowed: tuple[Mapping[str, float], ...]
    differing: Sequence[str]

    def replay(self) -> Replay:
        """The same, ready for other rules."""
        first = self.gradients[0]
        given = [[one for one in step.values() if one is not None] for step in self.gradients]
        return Replay(
            names=tuple(first),
            trained=frozenset(name for name, one in first.items() if one is not None),
            before=self.before,
            gradients=tuple(dict(step) for step in self.gradients),
            updates=self.updates,
            norms=tuple(float(np.sqrt(sum(float(np.sum(one**2)) for one in step))) for step in given),
            allowed=tuple(dict(step) for step in self.allowed),
            ranks=tuple(self.before[0][name].ndim for name in first),
        )


@dataclass(frozen=True)
class _Apart(Retraining):
    """There is no model that a rule could be confirmed on: these steps are all."""

    def confirmed(self, rules: Rules) -> WorstGap:
        return self.gap(rules)


def diagnose_apart(
    quartet: Quartet, entering: Entering, steps: StepsApart, others: Callable[[], StepsApart]
) -> Diagnosis:
    """Name the setting that the two optimizers do not share.

    Args:
        quartet: of the pair, for its optimizers and its weight map; nothing of it is run.
        entering: for the hyper-parameters.
        others: makes the same of other parameters and gradients: what does not close the gap there is not certain.
    """

    def trial(steps: StepsApart) -> Retraining:
        replay = steps.replay()
        return _Apart(quartet, entering, by_quantity(replay.updates), {}, replay)

    return diagnosed(trial(steps), steps.differing, OtherSteps(lambda: trial(_as_said(others()))))


def _as_said(steps: StepsApart) -> StepsApart:
    """With as much allowed as the digits of a number that is said may leave."""
    allowed = tuple(
        {name: max(own, UNSEEN * size(made[name])) for name, own in step.items()}
        for step, made in zip(steps.allowed, steps.updates, strict=True)
    )
    return replace(steps, allowed=allowed)
