"""Asks of every place where a port differs why it does, and puts the causes to one more test together."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

import numpy as np

from compare.arrays.probes import BASE
from compare.errors import swallowed
from compare.explain.accepted_aside import accepted_aside, ports_with_values
from compare.explain.calls.call import OUTSIDE
from compare.explain.calls.change import Change
from compare.explain.closing import closing_of
from compare.explain.doctor.diagnosis import Cause, Diagnosis
from compare.explain.doctor.segment.diagnose import diagnose
from compare.explain.doctor.statistics.statistics import diagnose_statistics
from compare.explain.doctor.updates.updates import diagnose_updates
from compare.explain.explanation import Explanation, NamedCause
from compare.explain.locate.difference import BACKWARD, FORWARD, LOSS, STATISTICS, UPDATE, Difference, relative_gap
from compare.explain.locate.introduced import Introduced, by_place, differs, kept_by, leading
from compare.explain.locate.locate import Looked, difference, located, look
from compare.explain.locate.thresholds import APART, BESIDE, MISSES, PLACES, PROBES
from compare.explain.proof import Proof
from compare.explain.redrawn import redrawn_steps
from compare.explain.scenes import scene_of
from compare.explain.way_back import WayBack
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.judging import Judged
from compare.sides.progress import Progress, say_nothing
from compare.sides.quartet import Quartet
from compare.sides.side import Result
from compare.verdict.verdict import Verdict

HELD = "dtype"  # the setting of a constant that is held in float32
ROUGH = "no float64 runs, so that no cause can be proven"
NOT_LOOKED = "where: not looked for, since a model cannot run in float64"
ELSEWHERE = "with that the statistics are the port's here, but not on other data"
LOWERED = "precision"  # that of what one side alone rounds below the working precision


@dataclass(frozen=True)
class FailedRun:
    """A probe, a mode and what enters there, on which something differs, and how that was judged."""

    probe: str
    mode: Mode
    entering: Entering
    judged: Judged = field(default_factory=lambda: Judged({}))


def explain(looked: Looked, progress: Progress = say_nothing, witness: str = "") -> Explanation:
    """Name the causes of what was found in one run of a pair.

    Args:
        witness: the constant held in float32 that its judgement found responsible, and what follows with its exact
            values, in words.
    """
    where = located(looked)
    if where.first is None:
        return Explanation(None, tree=where.tree, notes=where.notes)
    groups, proof = by_place(looked.found), Proof(looked)
    way_back = WayBack(looked, proof)
    order = leading(groups)
    lead = looked.found.index(groups[order[0]][0])
    difference_here = replace(difference(looked, lead), leads=order[0] > 0)
    named, seen, changes = list[NamedCause](), list[NamedCause](), Change()
    first: Diagnosis | None = None
    known, closing = 0, None
    for examined, number in enumerate(order[:PLACES]):
        if examined - known == MISSES:
            break
        group = groups[number]
        at = looked.found.index(group[0])
        progress(f"asking why: {difference(looked, at).quantity}")
        diagnosis = _of_section(looked, group, way_back)
        if first is None:
            first = diagnosis
            difference_here = _at_module(looked, at, difference_here, diagnosis.causes)
            seen = [_named(looked, at, lead, cause) for cause in diagnosis.causes if not cause.certain]
        known += any(cause.certain for cause in diagnosis.causes)
        for cause in diagnosis.causes:
            if cause.certain:
                named.append(_named(looked, at, lead, cause))
                changes = changes | cause.change if cause.change else changes
        if known and all(entry.cause.change for entry in named):
            closing = closing_of(looked, changes)
            if closing is not None and not closing.still:
                break  # other places only show the same, around a residual
    if closing is not None and closing.still:
        for cause, at in _left_behind(looked, groups, named, way_back):
            named.append(_named(looked, at, lead, cause))
            changes = changes | cause.change if cause.change else changes
            closing = closing_of(looked, changes)
    assert first is not None
    if not named and (held := _held(looked, witness)) is not None:
        named.append(_named(looked, lead, lead, held))
    if (lowered := _lowered(looked)) is not None and HELD not in {entry.cause.setting for entry in named}:
        named.insert(0, _named(looked, lead, lead, lowered))
    if not all(entry.cause.change for entry in named):
        closing = None
    if closing is not None and not closing.still and known < len(groups):
        difference_here = replace(difference_here, more=known - 1)
    return Explanation(
        difference_here,
        (*_merged(named), *(seen if not any(entry.of_first for entry in named) else [])),
        first.settings,
        first.observed,
        first.excluded,
        closing,
        where.tree,
        where.notes,
    )


def _of_section(looked: Looked, group: Sequence[Introduced], way_back: WayBack) -> Diagnosis:
    """Why a section differs; where no float64 runs nothing is proven."""
    if group[0].direction == STATISTICS:
        return _of_statistics(looked, group, way_back.proof)
    scene = scene_of(looked, group)
    if not looked.cutter.exact:
        diagnosis = diagnose(scene, proven=lambda change: False)
        return replace(diagnosis, causes=tuple(replace(cause, doubt=ROUGH) for cause in diagnosis.causes))
    besides: list[Cause] = []

    def proven(change: Change) -> bool:
        """A change that makes the section the port's forward alone may have one beside it on the way back."""
        closed = way_back.proof.of(group, change)
        if closed.there and not closed.back and group[0].direction != BACKWARD and len(tried) < BESIDE:
            tried.append(change)
            besides[:] = way_back.beside(group, change)
            return bool(besides)
        return closed.wholly

    tried: list[Change] = []
    diagnosis = diagnose(scene, proven=proven)
    forward = [cause.change for cause in diagnosis.causes if cause.certain and cause.change]
    if not besides or not forward or way_back.proof.closes(group, reduce(Change.__or__, forward)):
        return diagnosis
    return replace(diagnosis, causes=(*diagnosis.causes, *besides))


def _left_behind(
    looked: Looked, groups: Sequence[Sequence[Introduced]], named: Sequence[NamedCause], way_back: WayBack
) -> Iterator[tuple[Cause, int]]:
    """The causes on the way back of layers all of whose sections are explained forward, each with the number of one."""
    explained: dict[int, list[Change]] = {}
    for one in named:
        explained.setdefault(one.found, []).extend([one.cause.change] if one.cause.change else [])
    owners: dict[str, list[int]] = {}
    for group in groups:
        if group[0].direction in (FORWARD, LOSS):
            owners.setdefault(group[0].owner, []).append(looked.found.index(group[0]))
    for owner, places in owners.items():
        if all(at in explained for at in places):
            change = reduce(Change.__or__, [one for at in places for one in explained[at]])
            yield from ((cause, places[0]) for cause in way_back.left(owner, change))


def _of_statistics(looked: Looked, group: Sequence[Introduced], proof: Proof) -> Diagnosis:
    """Why a layer keeps other running statistics of the same arrays: what closes it does so on another draw as well."""
    sections, owner = looked.sections, group[0].owner
    own = {name: one for name, one in sections.ends.items() if kept_by(name) == owner}
    judged = Judged(own, reference=Result({}, sections.dropouts))
    quartet, entering, mode = looked.cutter.quartet, sections.entering, sections.mode
    diagnosis = diagnose_statistics(quartet, entering, judged, mode, sections.kept, sections.calls)
    changes = [cause.change for cause in diagnosis.causes if cause.change]
    if not changes or proof.closes(group, reduce(Change.__or__, changes)):
        return diagnosis
    causes = tuple(replace(cause, certain=False, doubt=ELSEWHERE) for cause in diagnosis.causes)
    return replace(diagnosis, causes=causes)


def _held(looked: Looked, witness: str) -> Cause | None:
    """The constant held in float32 that the judgement found responsible, where the gap is no larger than that."""
    gap, _ = relative_gap(looked.found[0].judgement)
    if not witness or gap > APART:
        return None
    return Cause(HELD, "the working precision", "float32", witness, "read", gap, 0.0, None, True)


def _lowered(looked: Looked) -> Cause | None:
    """What one side alone rounds below the working precision."""
    quartet = looked.cutter.quartet
    if quartet.lowering is None or not quartet.lowering.alone:
        return None
    gap, _ = relative_gap(looked.found[0].judgement)
    return Cause(LOWERED, "", "", quartet.lowering.alone, "read", gap, 0.0, None, True)


def _at_module(looked: Looked, at: int, first: Difference, causes: Sequence[Cause]) -> Difference:
    """The difference, at the layer without a counterpart that the cause is in, if it is in one."""
    code = looked.codes[at]
    for cause in causes:
        if cause.certain and cause.change and (names := {*cause.change.weights, *cause.change.others}):
            changed_layers = {name.rpartition(".")[0] for name in names} & set(code.layers)
            if len(changed_layers) == 1:
                return replace(first, reference=changed_layers.pop())
        if cause.certain and cause.change and cause.change.calls:
            changed = [call for call in code.calls if call.number in cause.change.calls]
            modules = {call.module for call in changed} - {OUTSIDE}
            place = changed[-1].place if changed else first.place_reference
            known = modules.pop() if len(modules) == 1 else first.reference
            return replace(first, reference=known, place_reference=place)
    return first


def _named(looked: Looked, at: int, lead: int, cause: Cause) -> NamedCause:
    here = difference(looked, at)
    here = _at_module(looked, at, here, [cause]) if at == lead else here
    return NamedCause(cause, here.reference, here.port, of_first=at == lead, found=at)


def _merged(named: Sequence[NamedCause]) -> list[NamedCause]:
    """The same cause in several places once, with their number."""
    merged: dict[str, NamedCause] = {}
    for one in named:
        seen = merged.get(one.cause.text)
        merged[one.cause.text] = replace(seen, places=seen.places + 1) if seen else one
    return list(merged.values())


def explain_pair(
    quartet: Quartet,
    entering: Entering,
    suspects: Sequence[FailedRun],
    steps: Judged | None,
    progress: Progress = say_nothing,
) -> Explanation:
    """Where and why a pair differs.

    Args:
        suspects: where outputs, gradients or statistics differ.
        steps: the judgements on the training steps, where there were any.
    """
    notes: list[str] = []
    trained = [FailedRun(BASE, None, entering, steps)] if steps else []
    for suspect in sorted(suspects, key=lambda suspect: suspect.probe != BASE)[:PROBES]:
        probe, judged = suspect.probe, suspect.judged
        if judged.no_oracle and not _apart(judged):
            notes.append(NOT_LOOKED)
            continue
        progress(f"where it differs first, on {probe}")
        try:
            # Masks of the lowest number, and what a suspect makes of them, overflow: that is no error here.
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                exact = not judged.no_oracle
                asked, doing = accepted_aside(quartet.using(judged.oracles), suspect.entering, suspect.mode, exact)
                looked = look(asked, suspect.entering, suspect.mode, probe, exact)
                explanation = explain(looked, progress, _claim(judged, [*suspects, *trained]))
                said = _said_of_accepted(doing, ports_with_values(quartet.prepared))
                explanation = replace(explanation, notes=(*explanation.notes, *said))
        except Exception as error:  # a user's model that does not stand being watched is no reason to lose the verdict
            swallowed(error)
            words = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            notes.append(f"where: not found on {probe}: {words}")
            continue
        if explanation.first is not None:
            held = explanation.causes and all(named.cause.setting == HELD for named in explanation.causes)
            if not (held and steps and _apart(steps)):
                return explanation
            oracles = replace(judged.oracles, witness=judged.witness) if judged.oracles else None
            beside = _of_training(quartet, entering, replace(steps, oracles=oracles)).causes
            return replace(explanation, causes=(*explanation.causes, *(replace(own, of_first=False) for own in beside)))
        notes += [f"where: on {probe}, {note}" for note in explanation.notes]
    if steps is not None and not suspects and steps.no_oracle:
        return Explanation(None, notes=(NOT_LOOKED,))
    if steps is not None and not suspects:
        progress("where training differs first")
        return _of_training(quartet, entering, steps)
    return Explanation(None, notes=tuple(dict.fromkeys(notes)))


def _said_of_accepted(doing: Sequence[str], valued: Sequence[str]) -> list[str]:
    """What is accepted as doing nothing, and does something, or may."""
    said = [f"accepted, and the reference returns something else without: {', '.join(doing)}"] if doing else []
    return said + ([f"accepted, and neither 0 nor 1 in the port: {', '.join(valued)}"] if valued else [])


def _apart(judged: Judged) -> list[str]:
    """What differs by more than a constant held in float32 explains."""
    rounding = (Verdict.MATCH, Verdict.FLOAT32_ONLY, Verdict.INCOMPLETE)
    return [name for name, judgement in judged.judgements.items() if judgement.verdict not in rounding]


def _claim(judged: Judged, runs: Sequence[FailedRun]) -> str:
    """The constant held in float32, and that its exact values mend everything, or what they mend."""
    if judged.witness is None:
        return ""
    mended = "what differs by rounding" if any(_apart(run.judged) for run in runs) else "all that differs"
    return f"{judged.witness.text}; with its exact values {mended} is a match"


def _of_training(quartet: Quartet, entering: Entering, steps: Judged) -> Explanation:
    """What outputs, gradients and statistics do not show, and training steps do."""
    failing = [name for name, judgement in steps.judgements.items() if differs(judgement)]
    if not failing:
        return Explanation(None)
    name = failing[0]
    gap, allowed = relative_gap(steps.judgements[name])
    diagnosis = diagnose_updates(quartet.using(steps.oracles), entering, steps, redrawn_steps(quartet, entering))
    first = Difference(
        UPDATE, "optimizer", "optimizer", name, BASE, "training", gap, allowed,
        more=len(failing) - 1, reason=steps.judgements[name].reason, scale=steps.judgements[name].scale,
    )  # fmt: skip
    causes = tuple(NamedCause(cause, "optimizer", "optimizer") for cause in diagnosis.causes if cause.certain)
    return Explanation(first, causes, diagnosis.settings, diagnosis.observed, diagnosis.excluded)
