"""Why training differs where outputs, loss and gradients agree: the optimizers are not the same function.

Both optimizers are read where they can be, and every suspect is put to the test: the reference's own training steps in
float64 with one setting changed must come out as the port's.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from compare.explain.doctor.budget import Budget
from compare.explain.doctor.diagnosis import Cause, Diagnosis
from compare.explain.doctor.thresholds import PROBABLE, REPLAYS, SMALL, UNSEEN
from compare.explain.doctor.trials import Search, Trial
from compare.explain.doctor.updates.another_draw import Another, AnotherDraw
from compare.explain.doctor.updates.candidates import distinct, other_optimizers, sought, together, toward
from compare.explain.doctor.updates.facts import facts
from compare.explain.doctor.updates.led import Retraining, led_along
from compare.explain.doctor.updates.modulus import taken_as_one
from compare.explain.doctor.updates.optax_rules import Reading, read_optax
from compare.explain.doctor.updates.recorded_steps import by_quantity
from compare.explain.doctor.updates.reference_rules import rules_of_reference
from compare.explain.doctor.updates.rule_settings import SpokenSetting, aligned, differing, merged
from compare.explain.doctor.updates.rules import OWN, Rules
from compare.explain.doctor.updates.unknowns import OtherRules
from compare.explain.doctor.updates.words import Wording, wording_of
from compare.pair.pair import Entering
from compare.sides.judging import Judged
from compare.sides.quartet import Quartet
from compare.sides.side import OPTIMIZER_STATE, SideError
from compare.verdict.verdict import Verdict

AS_READ = "as read"
SOUND = (Verdict.MATCH, Verdict.INCOMPLETE)


def diagnose_updates(quartet: Quartet, entering: Entering, judged: Judged, other: Entering | None = None) -> Diagnosis:
    """Name the setting that the two optimizers do not share.

    Args:
        quartet: of a pair with optimizers whose gradients match.
        entering: what the training steps were run on, rounded to the working precision.
        judged: the judgement on those steps (``judge_port`` with ``STEPS``).
        other: what training steps are run on once more; what does not close the gap there as well is not certain.

    A pair whose reference is on record or cannot run in float64 gets no diagnosis: nothing can be tried.
    """
    names = [name for name, one in judged.judgements.items() if one.verdict not in SOUND and "state/" not in name]
    if not names:
        return Diagnosis()
    if quartet.on_record or judged.no_oracle:
        why = "is on record" if quartet.on_record else "or the port cannot run in float64"
        return Diagnosis(observed=(f"no optimizer can be tried: the reference {why}",))
    quartet = quartet.using(judged.oracles)
    try:
        trial = led_along(quartet, entering, judged.judgements, judged.reference)
    except SideError as error:
        return Diagnosis(observed=(f"no optimizer can be tried: {error}",))
    updates = [name for name in names if not name.startswith(OPTIMIZER_STATE)]
    return _UpdateDoctor(trial, updates, names, AnotherDraw(trial, other)).diagnosis()


def diagnosed(trial: Retraining, names: Sequence[str], another: Another | None = None) -> Diagnosis:
    """Name the setting that two optimizers do not share, on recorded steps of which the updates ``names`` differ.

    ``another``: other steps; what does not close the gap there as well is not certain.
    """
    return _UpdateDoctor(trial, [*names], [*names], another).diagnosis()


@dataclass
class _UpdateDoctor:
    """The search for one pair's cause; ``updates`` and ``names`` differ, the second with the optimizers' state."""

    trial: Retraining
    updates: list[str]
    names: list[str]
    another: Another | None = None
    fitted: list[str] = field(default_factory=list)
    reference: Rules = field(init=False)
    reading: Reading = field(init=False)
    search: Search[Rules] = field(init=False)

    def diagnosis(self) -> Diagnosis:
        replay, training = self.trial.replay, self.trial.quartet.pair.training()
        assert training is not None
        self.reference = rules_of_reference(self.trial)
        port = training.port(**self.trial.entering.hyper)
        self.reading = read_optax(port, self.trial.quartet.prepared, replay.names, replay.steps)
        if self.reading.rules is not None:
            rules = aligned(self.reading.rules, self.reference, replay.unused)
            made = self.trial.gap(rules)
            self.reading = replace(self.reading, rules=rules)
            if not (made.closed or made.worst <= UNSEEN):
                # It is not what the port does: nothing of it is said.
                self.reading = replace(self.reading, rules=None, unread="what is read of it makes other updates")
        arrays = by_quantity(replay.updates)
        self.search = Search(
            lambda rules: by_quantity(self.trial.updates_by(rules)), lambda first, second: second,
            by_quantity(self.trial.updates_by(self.reference)), arrays, by_quantity(replay.allowed), list(arrays),
            Budget(REPLAYS, SMALL), self._confirmed,
        )  # fmt: skip
        # What one optimizer keeps and never uses is no other function yet.
        causes = tuple(self._causes()) if self.updates else ()
        settings = [said.text for _, said in self._said(self.reading.rules)] if self.reading.rules else []
        return Diagnosis(causes, tuple(settings), self.search.excluded(), tuple(self._observed()))

    def _confirmed(self, rules: Rules) -> bool:
        """Whether a whole run by these rules is the port's, and so it is on another draw."""
        return self.trial.confirmed(rules).closed and (self.another is None or self.another.closes(rules))

    def _causes(self) -> Iterator[Cause]:
        training = self.trial.quartet.pair.training()
        assert training is not None
        made = self.trial.updates_by(self.reference)
        if (cause := taken_as_one(self.trial, training.port(**self.trial.entering.hyper), made)) is not None:
            yield cause
            return
        best, certain = self._best()
        if best is None:
            return
        suspect = best.suspects[0]
        before, confirmed = self.trial.confirmed(self.reference).worst, self.trial.confirmed(suspect.change).worst
        if not certain and not confirmed < PROBABLE * min(1.0, before):
            return
        spoken = list(self._said(suspect.change))
        for one, said in spoken:
            self.fitted += [said.text] if certain and not suspect.read else []
            evidence = "both" if suspect.read and self.reference[0].family != OWN else "counterfactual"
            reopens = self._without(one, suspect.change) if len(spoken) > 1 else None
            yield Cause(
                one.label, said.reference, said.port, said.text, evidence, before, confirmed, None, certain,
                reopens=reopens,
            )  # fmt: skip

    def _without(self, setting: SpokenSetting, rules: Rules) -> float:
        """The gap that several settings leave where the reference keeps this one."""
        start = aligned(self.reference, rules, self.trial.replay.unused)
        others = [one for one in differing(start, rules) if one.label != setting.label]
        return self.trial.confirmed(merged(start, rules, others)).worst

    def _best(self) -> tuple[Trial[Rules] | None, bool]:
        """What explains the gap, and True; or the single change of the same optimizer that comes nearest, and False:
        of other optimizers and of two changes too many fit nearly."""
        ways = [self._as_read(), sought(self.trial, self.reference)]
        # Of an optimizer of nobody's the port's own rules say only that it is another: first whether it is the same at
        # another rate.
        if self._any(chain(*(reversed(ways) if self.reference[0].family == OWN else ways))):
            return self.search.best()
        nearest = self.search.best()
        others = other_optimizers(self.trial, self.reference)
        if self._any(others) or self._any(together(self.trial, self.reference, self.search)):
            return self.search.best()
        return nearest

    def _any(self, suspects: Iterable[OtherRules]) -> bool:
        suspects = distinct(suspects, self.trial, self.reference)
        return self.search.for_each(suspects, self.search.budget.for_later)

    def _as_read(self) -> Iterator[OtherRules]:
        if self.reading.rules is not None:
            for suspect in toward(self.reference, self.reading.rules, AS_READ, self.trial.replay.unused):
                yield replace(suspect, read=True)

    def _said(self, rules: Rules) -> Iterator[tuple[SpokenSetting, Wording]]:
        """Each setting that ``rules`` have otherwise than the reference, and both in words."""
        replay = self.trial.replay
        start = aligned(self.reference, rules, replay.unused)
        for one in differing(start, rules):
            yield one, wording_of(one, rules, start, replay.names, replay.ranks)

    def _observed(self) -> Iterator[str]:
        yield from facts(self.trial, self.names, self.reference)
        if self.reading.unread:
            stages = "".join(f", {one}" for one in self.reading.stages)
            yield f"the port's optimizer{stages} could not be read: {self.reading.unread}"
        yield from (f"fitted: the updates say {text}" for text in self.fitted)
