"""Why training differs where outputs, loss and gradients agree: the optimizers are not the same function.

Both optimizers are read where they can be, and every suspect is put to the test: the reference's own training steps in
float64 with one setting changed must come out as the port's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from compare.explain.doctor.diagnosis import Cause, Diagnosis
from compare.explain.doctor.updates.facts import facts
from compare.explain.doctor.updates.led import Trial, recorded
from compare.explain.doctor.updates.optax_rules import Reading, read_optax
from compare.explain.doctor.updates.recorded_steps import Gap
from compare.explain.doctor.updates.rule_settings import aligned, differing, merged
from compare.explain.doctor.updates.rules import Rules
from compare.explain.doctor.updates.search import ANY, own_rules, sought, subsets
from compare.explain.doctor.updates.usual_mistakes import Suspect
from compare.explain.doctor.updates.words import said_of
from compare.pair.pair import Entering
from compare.sides.judging import Judged
from compare.sides.quartet import Quartet
from compare.sides.side import STATE, SideError
from compare.verdict.verdict import Verdict

CLOSER = 0.1  # of itself and of the updates: what shrinks a gap below it is worth naming, without certainty
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
        trial = recorded(quartet.using(judged.oracles), entering, judged.judgements, judged.reference)
    except SideError as error:
        return Diagnosis(observed=(f"no optimizer can be tried: {error}",))
    return _Doctor(trial, [name for name in names if not name.startswith(STATE)], names).diagnosis()


@dataclass
class _Doctor:
    """The search for one pair's cause; ``updates`` and ``names`` differ, the second with the optimizers' state."""

    trial: Trial
    updates: list[str]
    names: list[str]
    excluded: dict[str, list[str]] = field(default_factory=dict)
    before: Gap = field(init=False)
    reference: Rules = field(init=False)
    reading: Reading = field(init=False)

    def diagnosis(self) -> Diagnosis:
        replay = self.trial.replay
        self.reference = own_rules(self.trial)
        self.before = self.trial.confirmed(self.reference)
        training = self.trial.quartet.pair.training()
        assert training is not None
        port = training.port(**self.trial.entering.hyper)
        self.reading = read_optax(port, self.trial.quartet.prepared, replay.names, replay.steps)
        if self.reading.rules is not None:
            rules = aligned(self.reading.rules, self.reference, replay.unused)
            self.reading = replace(self.reading, rules=rules)
        causes = tuple(self._causes())
        return Diagnosis(causes, tuple(self._settings()), tuple(self._excluded()), tuple(self._observed()))

    def _causes(self) -> Iterator[Cause]:
        if not self.updates:
            return  # what one optimizer keeps and never uses is no other function yet
        read = self._by_reading()
        if read is not None:
            yield from self._named(read, self.trial.confirmed(read), "both", True)
            return
        best: tuple[Gap, Suspect] | None = None
        start = self.trial.gap(self.reference)
        for suspect in sought(self.trial, self.reference):
            gap = self.trial.gap(suspect.rules)
            if gap.closed:
                confirmed = self.trial.confirmed(suspect.rules)
                if confirmed.closed:
                    yield from self._named(suspect.rules, confirmed, "counterfactual", True)
                    return
            if differing(self.reference, suspect.rules):
                self.excluded.setdefault(suspect.label, []).append(suspect.value)
                best = (gap, suspect) if best is None or gap.total < best[0].total else best
        if best is not None and best[0].total < CLOSER * start.total:
            confirmed = self.trial.confirmed(best[1].rules)
            if confirmed.worst < CLOSER * min(1.0, self.before.worst):
                yield from self._named(best[1].rules, confirmed, "counterfactual", False)

    def _by_reading(self) -> Rules | None:
        """The reference's rules with as few of the port's read settings as close the gap."""
        if self.reading.rules is None:
            return None
        start = self._aligned(self.reading.rules)
        for chosen in subsets(differing(start, self.reading.rules)):
            rules = merged(start, self.reading.rules, chosen)
            if not self.trial.gap(rules).closed:
                self.excluded.setdefault(" and ".join(one.label for one in chosen), []).append("as read")
                continue
            if self.trial.confirmed(rules).closed:
                return rules
        return None

    def _aligned(self, rules: Rules) -> Rules:
        return aligned(self.reference, rules, self.trial.replay.unused)

    def _named(self, rules: Rules, after: Gap, evidence: str, certain: bool) -> Iterator[Cause]:
        replay, start = self.trial.replay, self._aligned(rules)
        for one in differing(start, rules):
            said = said_of(one, rules, start, replay.names, replay.ranks)
            yield Cause(
                setting=one.label,
                reference=said.reference,
                port=said.port,
                text=said.text,
                evidence=evidence,
                before=self.before.worst,
                after=after.worst,
                change=None,
                certain=certain,
            )

    def _settings(self) -> Iterator[str]:
        if self.reading.rules is None:
            return
        replay, start = self.trial.replay, self._aligned(self.reading.rules)
        for one in differing(start, self.reading.rules):
            yield said_of(one, self.reading.rules, start, replay.names, replay.ranks).text

    def _excluded(self) -> Iterator[str]:
        for label, values in self.excluded.items():
            said = [value for value in dict.fromkeys(values) if value]
            yield f"{label} {', '.join(said)}".rstrip() if said != [ANY] else f"{label}, any value"

    def _observed(self) -> Sequence[str]:
        stages, unread = self.reading.stages, self.reading.unread
        made = list(facts(self.trial, self.names, self.reference))
        if unread:
            made.append(f"the port's optimizer, {' + '.join(stages)}, could not be read: {unread}")
        return made
