"""Why training differs where outputs, loss and gradients agree: the optimizers are not the same function.

Both optimizers are read where they can be, and every suspect is put to the test: the reference's own training steps in
float64 with one setting changed must come out as the port's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from compare.explain.doctor.diagnosis import Cause, Diagnosis
from compare.explain.doctor.thresholds import PROBABLE
from compare.explain.doctor.updates.candidates import TWO, sought, toward
from compare.explain.doctor.updates.facts import facts
from compare.explain.doctor.updates.led import Retraining, led_along
from compare.explain.doctor.updates.optax_rules import Reading, read_optax
from compare.explain.doctor.updates.recorded_steps import Gap
from compare.explain.doctor.updates.reference_rules import rules_of_reference
from compare.explain.doctor.updates.rule_settings import OPTIMIZER, Spoken, aligned, differing
from compare.explain.doctor.updates.rules import Rules
from compare.explain.doctor.updates.unknowns import ANY, OtherRules
from compare.explain.doctor.updates.words import Said, said_of
from compare.pair.pair import Entering
from compare.sides.judging import Judged
from compare.sides.quartet import Quartet
from compare.sides.side import OPTIMIZER_STATE, SideError
from compare.verdict.verdict import Verdict

AS_READ = "as read"
SOUND = (Verdict.MATCH, Verdict.INCOMPLETE)


def diagnose_updates(quartet: Quartet, entering: Entering, judged: Judged) -> Diagnosis:
    """Name the setting that the two optimizers do not share.

    Args:
        quartet: of a pair with optimizers whose gradients match.
        entering: what the training steps were run on, rounded to the working precision.
        judged: the judgement on those steps (``judge_port`` with ``STEPS``).

    A pair whose reference is on record or cannot run in float64 gets no diagnosis: nothing can be tried.
    """
    names = [name for name, one in judged.judgements.items() if one.verdict not in SOUND and "state/" not in name]
    if not names:
        return Diagnosis()
    if quartet.on_record or judged.no_oracle:
        why = "is on record" if quartet.on_record else "or the port cannot run in float64"
        return Diagnosis(observed=(f"no optimizer can be tried: the reference {why}",))
    try:
        trial = led_along(quartet.using(judged.oracles), entering, judged.judgements, judged.reference)
    except SideError as error:
        return Diagnosis(observed=(f"no optimizer can be tried: {error}",))
    return _Doctor(trial, [name for name in names if not name.startswith(OPTIMIZER_STATE)], names).diagnosis()


@dataclass
class _Doctor:
    """The search for one pair's cause; ``updates`` and ``names`` differ, the second with the optimizers' state."""

    trial: Retraining
    updates: list[str]
    names: list[str]
    excluded: dict[str, list[str]] = field(default_factory=dict)
    fitted: list[str] = field(default_factory=list)
    before: Gap = field(init=False)
    reference: Rules = field(init=False)
    reading: Reading = field(init=False)

    def diagnosis(self) -> Diagnosis:
        replay, training = self.trial.replay, self.trial.quartet.pair.training()
        assert training is not None
        self.reference = rules_of_reference(self.trial)
        self.before = self.trial.confirmed(self.reference)
        port = training.port(**self.trial.entering.hyper)
        self.reading = read_optax(port, self.trial.quartet.prepared, replay.names, replay.steps)
        if self.reading.rules is not None:
            rules = aligned(self.reading.rules, self.reference, replay.unused)
            self.reading = replace(self.reading, rules=rules)
        # What one optimizer keeps and never uses is no other function yet.
        causes = tuple(self._causes()) if self.updates else ()
        settings = [said.text for _, said in self._said(self.reading.rules)] if self.reading.rules else []
        return Diagnosis(causes, tuple(settings), tuple(self._excluded()), tuple(self._observed()))

    def _causes(self) -> Iterator[Cause]:
        suspect, certain = self._found()
        if suspect is None:
            return
        confirmed, read = self.trial.confirmed(suspect.rules), suspect.value == AS_READ
        if not certain and not confirmed.worst < PROBABLE * min(1.0, self.before.worst):
            return
        for one, said in self._said(suspect.rules):
            self.fitted += [said.text] if certain and not read else []
            evidence, gaps = "both" if read else "counterfactual", (self.before.worst, confirmed.worst)
            yield Cause(one.label, said.reference, said.port, said.text, evidence, *gaps, None, certain)

    def _found(self) -> tuple[OtherRules | None, bool]:
        """The suspect that closes the gap, one that was read or with numbers such as a person writes before one that
        only fits, and True; or the one that comes nearest and False."""
        start = nearest = self.trial.gap(self.reference).total
        closing, best = None, None
        for suspect in self._suspects():
            clear = suspect.value == AS_READ or suspect.plain(self.reference)
            if closing is not None and suspect.label in (TWO, OPTIMIZER.label):
                break
            if closing is not None and not clear:
                continue
            gap = self.trial.gap(suspect.rules)
            if gap.closed and self.trial.confirmed(suspect.rules).closed:
                if clear:
                    return suspect, True
                closing = suspect
            elif closing is None:
                self.excluded.setdefault(suspect.label, []).append(suspect.value)
                if gap.total < nearest and suspect.label not in (TWO, OPTIMIZER.label):  # too many fit nearly
                    nearest, best = gap.total, suspect
        return (closing, True) if closing is not None else (best if nearest < PROBABLE * start else None, False)

    def _suspects(self) -> Iterator[OtherRules]:
        if self.reading.rules is not None:
            yield from toward(self.reference, self.reading.rules, AS_READ, self.trial.replay.unused)
        yield from sought(self.trial, self.reference)

    def _said(self, rules: Rules) -> Iterator[tuple[Spoken, Said]]:
        """Each setting that ``rules`` have otherwise than the reference, and both in words."""
        replay = self.trial.replay
        start = aligned(self.reference, rules, replay.unused)
        for one in differing(start, rules):
            yield one, said_of(one, rules, start, replay.names, replay.ranks)

    def _excluded(self) -> Iterator[str]:
        for label, values in self.excluded.items():
            said = [value for value in dict.fromkeys(values) if value]
            yield f"{label} {', '.join(said)}".rstrip() if said != [ANY] else f"{label}, any value"

    def _observed(self) -> Iterator[str]:
        yield from facts(self.trial, self.names, self.reference)
        if self.reading.unread:
            stages = "".join(f", {one}" for one in self.reading.stages)
            yield f"the port's optimizer{stages} could not be read: {self.reading.unread}"
        yield from (f"fitted: the updates say {text}" for text in self.fitted)
