"""Where a port differs, and why: the first difference, its cause with the evidence, in one sentence and at length."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from compare.arrays.arrays import Arrays
from compare.arrays.probes import BASE
from compare.errors import swallowed
from compare.explain.calls.call import OUTSIDE, tensors_of
from compare.explain.calls.change import Change
from compare.explain.calls.scene import Scene
from compare.explain.doctor.diagnosis import Cause, Diagnosis
from compare.explain.doctor.segment.diagnose import diagnose
from compare.explain.doctor.statistics.statistics import diagnose_statistics
from compare.explain.doctor.thresholds import CLOSING
from compare.explain.doctor.updates.updates import diagnose_updates
from compare.explain.locate.crossings import LOSS as AFTER
from compare.explain.locate.difference import BACKWARD, FORWARD, LOSS, STATISTICS, UPDATE, Branch, Difference, relative
from compare.explain.locate.introduced import Introduced, by_place, differs
from compare.explain.locate.locate import Looked, difference, located, look
from compare.explain.locate.segments import Code
from compare.explain.locate.thresholds import APART, MISSES, PLACES, PROBES
from compare.frameworks.models.modes import Mode
from compare.frameworks.models.references import ReferenceModel
from compare.pair.pair import Entering
from compare.sides.judging import Judged
from compare.sides.progress import Progress, say_nothing
from compare.sides.quartet import Quartet
from compare.sides.side import Result

SEEN = ("the port", "the values", "they differ")  # what is seen of the first place's only array begins so


@dataclass(frozen=True)
class Named:
    """A cause, and the module whose code it is in: path on both sides, how many places have the same one, and whether
    the first difference is among them."""

    cause: Cause
    reference: str
    port: str
    places: int = 1
    of_first: bool = True


@dataclass(frozen=True)
class FailedRun:
    """A probe, a mode and what enters there, on which something differs, and how that was judged."""

    probe: str
    mode: Mode
    entering: Entering
    judged: Judged = field(default_factory=lambda: Judged({}))


@dataclass(frozen=True)
class Explanation:
    """Where and why.

    Attributes:
        first: the first difference, or None where none could be found.
        causes: the certain ones, of the first place first.
        settings, observed, excluded: of the first place, in words: settings that differ, what the arrays show, what was
            tried and does not explain it.
        closed: the relative gap of the whole pair's worst quantity before and after all causes are taken together,
            where that was tried.
        tree: every layer that both sides have. notes: what could not be looked into.
    """

    first: Difference | None
    causes: tuple[Named, ...] = ()
    settings: tuple[str, ...] = ()
    observed: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    closed: tuple[float, float] | None = None
    tree: tuple[Branch, ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)

    @property
    def sentence(self) -> str:
        """The answer in one sentence; empty where there is none."""
        return sentence_of(self.first, self.causes, self.observed) if self.first else ""


def explain(looked: Looked, progress: Progress = say_nothing, witness: str = "") -> Explanation:
    """Name the causes of what was found in one run of a pair.

    Args:
        witness: the constant held in float32 that its judgement found responsible, in words.
    """
    where = located(looked)
    if where.first is None:
        return Explanation(None, tree=where.tree, notes=where.notes)
    groups = by_place(looked.found)
    named: list[Named] = []
    changes = Change()
    first: Diagnosis | None = None
    difference_here = where.first
    known = 0
    for examined, group in enumerate(groups[:PLACES]):
        if examined - known == MISSES:
            break
        at = looked.found.index(group[0])
        progress(f"asking why: {difference(looked, at).quantity}")
        diagnosis = _of_statistics(looked) if group[0].direction == STATISTICS else diagnose(scene_of(looked, group))
        if first is None:
            first = diagnosis
            difference_here = _at_module(looked, where.first, diagnosis.causes)
        known += any(cause.certain for cause in diagnosis.causes)
        for cause in diagnosis.causes:
            if cause.certain:
                named.append(_named(looked, at, cause))
                changes = changes | cause.change if cause.change else changes
    assert first is not None
    if not named and (held := _held(looked, witness)) is not None:
        named.append(_named(looked, 0, held))
    tried = all(entry.cause.change for entry in named)
    closed = _closed(looked, changes) if tried and named else None
    if closed is not None and known < len(groups):
        if closed[1] <= CLOSING * closed[0]:  # the other places only show the same (around a residual, say)
            difference_here = replace(difference_here, more=known - 1)
        else:
            closed = None
    return Explanation(
        difference_here,
        tuple(_merged(named)),
        first.settings,
        first.observed,
        first.excluded,
        closed,
        where.tree,
        where.notes,
    )


def _of_statistics(looked: Looked) -> Diagnosis:
    """Why running statistics differ after a pass whose outputs agree."""
    sections = looked.sections
    statistics = {name: one for name, one in sections.free_ends.items() if name.startswith("state/")}
    judged = Judged(statistics, reference=Result({}, sections.dropouts))
    return diagnose_statistics(looked.cutter.quartet, sections.entering, judged, sections.mode)


def scene_of(looked: Looked, group: Sequence[Introduced]) -> Scene:
    """What the doctor is shown of one place: everything that differs there."""
    introduction, sections, cutter = group[0], looked.sections, looked.cutter
    at = looked.found.index(introduction)
    code, prepared = looked.codes[at], cutter.quartet.prepared
    backward = introduction.direction == BACKWARD
    plain: Arrays = {}
    port: Arrays = {}
    allowed: dict[str, float] = {}
    for part in group:
        for crossing in part.crossings:
            name = f"{'grad/' if backward else ''}{crossing.cut.way}/{crossing.cut.leaf}"
            values = crossing.passage.cotangents if backward else crossing.passage.values
            plain[name], allowed[name] = values[crossing.cut.leaf], part.judgement.allowed  # type: ignore[assignment]
            port[name] = sections.made_by_port(crossing, backward)
        if part.name and part.name in sections.forced.ends:
            plain[part.name], allowed[part.name] = sections.reference_ends[part.name], part.judgement.allowed
            port[part.name] = sections.forced.ends[part.name]

    def run(change: Change) -> Arrays:
        until = introduction.crossings[0].cut.boundary if introduction.crossings and not backward else None
        ends = cutter.reference.watch(sections.entering, sections.mode, change, until)
        passages = {passage.boundary: passage for passage in cutter.reference.passages}
        arrays = {name: array for name, array in ends.items() if name in plain}
        for part in group:
            for crossing in part.crossings:
                passage = passages[crossing.cut.boundary]
                values = passage.cotangents if backward else passage.values
                value = values[crossing.cut.leaf]
                name = f"{'grad/' if backward else ''}{crossing.cut.way}/{crossing.cut.leaf}"
                arrays[name] = np.zeros_like(plain[name]) if value is None else value
        return arrays

    owner = introduction.owner
    reference, modules = prepared.reference, prepared.port.modules
    by_reference = {path: other for other, path in sections.pairs.items()}
    return Scene(
        reference_path="" if owner == AFTER else owner,
        reference_layer=reference.module.get_submodule(owner)
        if isinstance(reference, ReferenceModel) and owner != AFTER
        else None,
        port_layer=modules.get(by_reference.get(owner, "")) if owner != AFTER else None,
        calls=code.asked,
        layers=code.layers,
        primitives=tuple(looked.operations[at]),
        direction=LOSS if owner == AFTER and not backward else introduction.direction,
        plain=plain,
        port=port,
        allowed=allowed,
        run=run,
        weights=_weights_of(looked, owner, code) if owner != AFTER else {},
        every=sections.entering.weights,
        cleared=tuple(call for call in code.calls if call.number in code.agreeing - code.last),
    )


def _weights_of(looked: Looked, owner: str, code: Code) -> Arrays:
    """What a layer holds; of the layers in it that the port has too, only what the layer's own code uses."""
    sections = looked.sections
    inside = f"{owner}." if owner else ""
    others = tuple(f"{path}." for path in sections.pairs.values() if path != owner and path.startswith(inside))
    used = {tensor.name for call in code.calls for tensor in tensors_of((call.args, call.kwargs))}
    held = sections.entering.weights | sections.entering.buffers
    return {
        name: array
        for name, array in held.items()
        if name.startswith(inside) and (name in used or not name.startswith(others))
    }


def sentence_of(first: Difference, causes: Sequence[Named], observed: Sequence[str] = ()) -> str:
    """The answer in one sentence: which module is the first that differs, and why, or what is seen of it."""
    where = _where(first)
    mine = [named.cause for named in causes if named.of_first]
    if not mine:
        looks = () if first.reason else observed
        seen = next((f": {text}" for text in looks if text.startswith(SEEN)), "")
        return f"{where}{seen} ({first.size})"
    cause = mine[0]
    more = f" (and {len(causes) - 1} more cause{'s' if len(causes) > 2 else ''})" if len(causes) > 1 else ""
    end = f"; with that in the reference the gap falls from {_short(cause.before)} to {_short(cause.after)}"
    tried = cause.evidence != "read" and math.isfinite(cause.before)
    return f"{where}: {cause.text}{end if tried else ''}{more}"


def _short(size: float) -> str:
    return f"{size:.0e}" if size else "0"


def _where(first: Difference) -> str:
    name = f"`{first.reference}`" if first.reference else "the model itself"
    if first.direction == FORWARD and first.before and first.reference not in first.layers:
        between = f"between `{first.after}` and `{first.before}`" if first.after else f"before `{first.before}`"
        return f"the code of {name} {between} is the first whose result differs though its inputs agree"
    if first.direction == FORWARD:
        though = " though its inputs agree" if first.inputs_seen else ""
        return f"{name} is the first module whose output differs{though}"
    if first.direction == BACKWARD and first.in_loss:
        return "the loss's gradient differs though the loss agrees"
    if first.direction == BACKWARD:
        return f"{name} is the first module, from the loss back, whose gradient differs though its outputs agree"
    return {
        LOSS: "the loss differs though the outputs agree",
        STATISTICS: f"{name} keeps other running statistics though its outputs agree",
        UPDATE: "the optimizers differ though every gradient agrees",
    }[first.direction]


def _held(looked: Looked, witness: str) -> Cause | None:
    """The constant held in float32 that the judgement found responsible, where the gap is no larger than that."""
    gap, _ = relative(looked.found[0].judgement)
    if not witness or gap > APART:
        return None
    text = f"{witness}; with its exact values all that differs is a match"
    return Cause("dtype", "the working precision", "float32", text, "read", gap, 0.0, None, True)


def _at_module(looked: Looked, first: Difference, causes: Sequence[Cause]) -> Difference:
    """The difference, at the layer without a counterpart that the cause is in, if it is in one."""
    for cause in causes:
        if cause.certain and cause.change and cause.change.weights:
            code = looked.codes[0]
            changed_layers = {name.rpartition(".")[0] for name in cause.change.weights} & set(code.layers)
            if len(changed_layers) == 1:
                return replace(first, reference=changed_layers.pop())
        if cause.certain and cause.change and cause.change.calls:
            code = looked.codes[0]
            changed = [call for call in code.calls if call.number in cause.change.calls]
            modules = {call.module for call in changed} - {OUTSIDE}
            place = changed[-1].place if changed else first.place_reference
            known = modules.pop() if len(modules) == 1 else first.reference
            return replace(first, reference=known, place_reference=place)
    return first


def _named(looked: Looked, at: int, cause: Cause) -> Named:
    here = _at_module(looked, difference(looked, at), [cause]) if at == 0 else difference(looked, at)
    return Named(cause, here.reference, here.port, of_first=at == 0)


def _merged(named: Sequence[Named]) -> list[Named]:
    """The same cause in several places once, with their number."""
    merged: dict[str, Named] = {}
    for one in named:
        seen = merged.get(one.cause.text)
        merged[one.cause.text] = replace(seen, places=seen.places + 1) if seen else one
    return list(merged.values())


def _closed(looked: Looked, changes: Change) -> tuple[float, float] | None:
    """The worst relative gap of the pair's quantities, as it is and with every cause in the reference."""
    sections, cutter = looked.sections, looked.cutter
    try:
        changed = cutter.reference.watch(sections.entering, sections.mode, changes)
    except Exception as error:  # the causes do not go together
        swallowed(error)
        return None
    plain = sections.reference_ends
    return _worst(plain, sections.port_ends), _worst(changed, sections.port_ends)


def _worst(reference: Arrays, port: Arrays) -> float:
    gaps = [0.0]
    for name, array in reference.items():
        other = port.get(name)
        if other is not None and other.shape == array.shape and array.dtype.kind == "f":
            finite = np.isfinite(array) & np.isfinite(other)
            size = float(np.linalg.norm(array[finite]))
            gaps.append(float(np.linalg.norm(array[finite] - other[finite])) / (size or 1.0))
    return max(gaps)


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
    if (steps and steps.no_oracle) or any(suspect.judged.no_oracle for suspect in suspects):
        return Explanation(None, notes=("where: not looked for, since a model cannot run in float64",))
    notes: list[str] = []
    for suspect in sorted(suspects, key=lambda suspect: suspect.probe != BASE)[:PROBES]:
        probe, judged = suspect.probe, suspect.judged
        progress(f"where it differs first, on {probe}")
        try:
            # Masks of the lowest number, and what a suspect makes of them, overflow: that is no error here.
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                looked = look(quartet.using(judged.oracles), suspect.entering, suspect.mode, probe)
                explanation = explain(looked, progress, judged.witness.text if judged.witness else "")
        except Exception as error:  # a user's model that does not stand being watched is no reason to lose the verdict
            swallowed(error)
            words = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            notes.append(f"where: not found on {probe}: {words}")
            continue
        if explanation.first is not None:
            return explanation
        notes += [f"where: on {probe}, {note}" for note in explanation.notes]
    if steps is not None and not suspects:
        progress("where training differs first")
        return _of_training(quartet, entering, steps)
    return Explanation(None, notes=tuple(dict.fromkeys(notes)))


def _of_training(quartet: Quartet, entering: Entering, steps: Judged) -> Explanation:
    """What outputs, gradients and statistics do not show, and training steps do."""
    failing = [name for name, judgement in steps.judgements.items() if differs(judgement)]
    if not failing:
        return Explanation(None)
    name = failing[0]
    gap, allowed = relative(steps.judgements[name])
    diagnosis = diagnose_updates(quartet.using(steps.oracles), entering, steps)
    first = Difference(
        UPDATE, "optimizer", "optimizer", name, BASE, "training", gap, allowed,
        more=len(failing) - 1, reason=steps.judgements[name].reason, scale=steps.judgements[name].scale,
    )  # fmt: skip
    causes = tuple(Named(cause, "optimizer", "optimizer") for cause in diagnosis.causes if cause.certain)
    return Explanation(first, causes, diagnosis.settings, diagnosis.observed, diagnosis.excluded)
