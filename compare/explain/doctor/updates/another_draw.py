"""Training steps on another draw: what closes the gap of two optimizers there as well is no accident of one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from typing import Any, Protocol

from compare.errors import swallowed
from compare.explain.doctor.fit import said
from compare.explain.doctor.gaps import size
from compare.explain.doctor.thresholds import UNSEEN
from compare.explain.doctor.updates.led import Retraining
from compare.explain.doctor.updates.rules import Rules
from compare.pair.pair import Entering
from compare.sides.side import STEPS
from compare.verdict.verdict import Judgement


class Another(Protocol):
    """Other steps, on which a change is put to the proof."""

    def closes(self, rules: Rules) -> bool:
        """Whether the reference by these rules is the port there, each number as it is said."""
        ...


@dataclass
class OtherSteps:
    """Steps made apart from a model of other parameters and gradients; made when they are first needed."""

    made: Callable[[], Retraining]

    def closes(self, rules: Rules) -> bool:
        """Whether the reference by these rules is the port there, each number as it is said."""
        return self._other is not None and self._other.confirmed(_as_said(rules)).closed

    @cached_property
    def _other(self) -> Retraining | None:
        try:
            return self.made()
        except Exception as error:  # an optimizer that does not stand other numbers: then nothing is certain
            swallowed(error)
            return None


@dataclass
class AnotherDraw:
    """The same pair on what enters it there; without any, what was tried on one draw is all that there is."""

    trial: Retraining
    entering: Entering | None

    def closes(self, rules: Rules) -> bool:
        """Whether the reference by these rules is the port there, each number as it is said."""
        return self.entering is None or (self._other is not None and self._other.confirmed(_as_said(rules)).closed)

    @cached_property
    def _other(self) -> Retraining | None:
        quartet, entering = self.trial.quartet, self.entering
        assert entering is not None
        try:
            followed = quartet.oracle_reference(entering, STEPS)
            port = quartet.oracle_port(entering, STEPS, followed)
        except Exception as error:  # a pair that does not stand other data: then nothing is certain
            swallowed(error)
            return None
        judgements = {
            name: _scaled(judgement, size(port[name])) if name in port else judgement
            for name, judgement in self.trial.judgements.items()
        }
        return replace(self.trial, entering=entering, port=port, judgements=judgements)


def _as_said(rules: Rules) -> Rules:
    def number(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(number, value))
        return said(value) if isinstance(value, float) and isfinite(value) and value else value

    return tuple(rule.but(**{name: number(rule.get(name)) for name in rule.settings}) for rule in rules)


def _scaled(judgement: Judgement, scale: float) -> Judgement:
    """As much as is allowed of a quantity of that size; at least what nobody would write as a number."""
    ratio = scale / judgement.scale if judgement.scale else 1.0
    return replace(judgement, allowed=max(judgement.allowed * ratio, UNSEEN * scale), scale=scale)
