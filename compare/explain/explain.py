"""Asks of every place where a port differs why it does, and puts the causes to one more test together."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from compare.arrays.probes import BASE
from compare.errors import in_one_line, swallowed
from compare.explain.accepted_aside import Aside, accepted_aside
from compare.explain.asking import Places, at_module, named_at
from compare.explain.doctor.diagnosis import Cause
from compare.explain.doctor.updates.updates import diagnose_updates
from compare.explain.explanation import Explanation, NamedCause
from compare.explain.failed_run import FailedRun
from compare.explain.locate.difference import UPDATE, Difference, relative_gap
from compare.explain.locate.introduced import by_place, differs, leading
from compare.explain.locate.locate import Looked, difference, located, look
from compare.explain.locate.thresholds import APART, PROBES
from compare.explain.meshed import explain_on_mesh
from compare.explain.redrawn import redrawn_steps
from compare.explain.trained_apart import trained_apart
from compare.pair.pair import Entering
from compare.sides.judging import Judged
from compare.sides.progress import Progress, say_nothing
from compare.sides.quartet import Quartet
from compare.verdict.verdict import Verdict

HELD = "dtype"  # the setting of a constant that is held in float32
NOT_LOOKED = "where: not looked for, since a model cannot run in float64"
LOWERED = "precision"  # that of what one side alone rounds below the working precision


def explain(looked: Looked, progress: Progress = say_nothing, witness: str = "") -> Explanation:
    """Name the causes of what was found in one run of a pair.

    Args:
        witness: the constant held in float32 that its judgement found responsible, and what follows with its exact
            values, in words.
    """
    where = located(looked)
    if where.first is None:
        return Explanation(None, tree=where.tree, notes=where.notes)
    groups = by_place(looked.found)
    order = leading(groups)
    lead = looked.found.index(groups[order[0]][0])
    places = Places(looked, groups, lead, progress)
    places.ask(order)
    first, named, closing = places.first, places.named, places.closing
    difference_here = replace(difference(looked, lead), leads=order[0] > 0)
    difference_here = at_module(looked, lead, difference_here, first.causes)
    if not named and (held := _held(looked, witness)) is not None:
        named.append(named_at(looked, lead, lead, held))
    if (lowered := _lowered(looked)) is not None and HELD not in {entry.cause.setting for entry in named}:
        named.insert(0, named_at(looked, lead, lead, lowered))
    if not all(entry.cause.change for entry in named):
        closing = None
    if closing is not None and not closing.still and places.known < len(groups):
        difference_here = replace(difference_here, more=places.known - 1)
    return Explanation(
        difference_here,
        (*_merged(named), *(places.seen if not any(entry.of_first for entry in named) else [])),
        first.settings,
        first.observed,
        first.excluded,
        closing,
        where.tree,
        where.notes,
    )


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


def _merged(named: Sequence[NamedCause]) -> list[NamedCause]:
    """The same cause in several places once, with their number; of a layer's own parameters without its name."""
    merged: dict[str, NamedCause] = {}
    for one in named:
        own = rf"(?<![\w.]){re.escape(one.reference)}\." if one.reference else r"(?!)"
        text = re.sub(own, "", one.cause.text)
        seen = merged.get(text)
        if seen is None:
            merged[text] = one
        else:
            merged[text] = replace(seen, places=seen.places + 1, cause=replace(seen.cause, text=text))
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
    if (sharded := explain_on_mesh(quartet, entering, suspects, steps, progress)) is not None:
        return sharded
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
                aside = accepted_aside(quartet.using(judged.oracles), suspect.entering, suspect.mode, exact)
                looked = look(aside.quartet, suspect.entering, suspect.mode, probe, exact)
                explanation = explain(looked, progress, _claim(judged, [*suspects, *trained]))
                said = _said_of_accepted(aside)
                explanation = replace(explanation, notes=(*explanation.notes, *said))
        except Exception as error:  # a user's model that does not stand being watched is no reason to lose the verdict
            swallowed(error)
            notes.append(f"where: not found on {probe}: {in_one_line(error, 200)}")
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


def _said_of_accepted(aside: Aside) -> list[str]:
    """What is accepted as doing nothing, and does something, or may."""
    said = {
        "the reference returns something else without": aside.doing,
        "the port returns something else without": aside.port,
        "not tried without": aside.untried,
    }
    return [f"accepted, and {words}: {', '.join(names)}" for words, names in said.items() if names]


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
    if (apart := trained_apart(quartet, entering, steps)) is not None:
        cause, together, judged = apart
        rest = _of_training(together, entering, judged).causes
        named = NamedCause(cause, "optimizer", "optimizer")
        return Explanation(_first_update(steps, failing), (named, *rest))
    diagnosis = diagnose_updates(quartet.using(steps.oracles), entering, steps, redrawn_steps(quartet, entering))
    causes = tuple(NamedCause(cause, "optimizer", "optimizer") for cause in diagnosis.causes if cause.certain)
    first = _first_update(steps, failing)
    return Explanation(first, causes, diagnosis.settings, diagnosis.observed, diagnosis.excluded)


def _first_update(steps: Judged, failing: Sequence[str]) -> Difference:
    gap, allowed = relative_gap(steps.judgements[failing[0]])
    return Difference(
        UPDATE, "optimizer", "optimizer", failing[0], BASE, "training", gap, allowed,
        more=len(failing) - 1, reason=steps.judgements[failing[0]].reason, scale=steps.judgements[failing[0]].scale,
    )  # fmt: skip
