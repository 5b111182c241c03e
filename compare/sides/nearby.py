"""A judgement where a model cannot run in float64: by how much each side deviates on what enters nearby."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from compare.arrays.arrays import by_parts, wide
from compare.errors import swallowed
from compare.pair.pair import Entering
from compare.sides.conventions import in_another_unit
from compare.sides.quantities import only_one_has_it, slot_of, unpaired_slots
from compare.sides.quartet import Quartet
from compare.sides.side import Deviations, Result, Run, SideError, What
from compare.verdict.precision import Precision
from compare.verdict.thresholds import RERUNS
from compare.verdict.verdict import Judgement, Verdict
from compare.verdict.without_oracle import judge_without_oracle

NO_ORACLE = "no_oracle"


def without_oracle(
    quartet: Quartet, entering: Entering, what: What, t: Result, j: Result, why: str
) -> dict[str, Judgement]:
    """Each quantity at the working precision alone, its error the largest deviation over re-runs nearby.

    The rules of structure are those with oracles. ``why`` a model cannot run in float64 is the reason of each judgement
    that has no other. Where a side stands no re-run, nothing says how large rounding is: ``incomplete``.
    """
    of_reference = quartet.recorded_deviations(entering, what) or deviations(
        lambda beside: quartet.working_reference(beside, what), t, entering, quartet.precision
    )
    errors_j: dict[str, float] = {}
    stood, last = 0, ""
    for beside, refused in zip(reruns(entering, quartet.precision), of_reference.raised, strict=True):
        if refused:
            last = refused
            continue
        try:
            again = quartet.working_port(beside, what, t)
        except SideError as error:  # the edge of the model's own domain lies between
            swallowed(error)
            last = str(error)
            continue
        stood += 1
        _note_errors(errors_j, j, again)

    def judged(names: list[str], factor: float = 1.0) -> dict[str, Judgement]:
        judgements = {}
        for name in names:
            port = j[name] if factor == 1.0 else j[name] / factor
            errors = of_reference.largest.get(name, 0.0), errors_j.get(name, 0.0) / abs(factor)
            judgement = judge_without_oracle(t[name], port, *errors, quartet.precision)
            judgements[name] = replace(judgement, reason=judgement.reason or f"{NO_ORACLE}: {why}")
        return judgements

    unpaired = unpaired_slots(t, j)
    names = [name for name in dict.fromkeys([*t, *j]) if slot_of(name) not in unpaired]
    lonely = {name: invalid for name in names if (invalid := only_one_has_it(name, (t,), (j,)))}
    both = judged([name for name in names if name not in lonely])
    if not stood:
        reason = f"{NO_ORACLE}: {why}; and no re-run nearby that tells how large rounding is: {last}"
        both = {
            name: judgement if judgement.verdict is Verdict.INVALID else Judgement(Verdict.INCOMPLETE, reason=reason)
            for name, judgement in both.items()
        }
    ordered = {name: (lonely | both)[name] for name in names}
    return ordered | in_another_unit(ordered, t, j, judged, Verdict.FLOAT32_ONLY)


def deviations(run: Callable[[Entering], Run], own: Run, entering: Entering, precision: Precision) -> Deviations:
    """How far a side's re-runs nearby leave ``own``, its run on what enters."""
    largest: dict[str, float] = {}
    raised: list[str] = []
    for beside in reruns(entering, precision):
        try:
            _note_errors(largest, own, run(beside))
            raised.append("")
        except SideError as error:  # the edge of the model's own domain lies between
            swallowed(error)
            raised.append(str(error))
    return Deviations(largest, tuple(raised))


def _note_errors(errors: dict[str, float], run: Run, again: Mapping[str, np.ndarray]) -> None:
    for name, array in again.items():
        if name not in run or array.shape != run[name].shape:
            continue
        with np.errstate(invalid="ignore", over="ignore"):
            apart = wide(array) - wide(run[name])
        finite = apart[np.isfinite(apart)]
        errors[name] = max(errors.get(name, 0.0), float(np.sqrt(np.vdot(finite, finite).real)))


def reruns(entering: Entering, precision: Precision) -> Iterator[Entering]:
    """What enters the re-runs nearby, each ``nudged`` by draws of its own."""
    for rng in np.random.default_rng(entering.seed).spawn(RERUNS):
        yield nudged(entering, rng, precision)


def nudged(entering: Entering, rng: np.random.Generator, precision: Precision) -> Entering:
    """What enters, every floating input moved by one unit in the last place; the weights, where no input floats."""

    def nudge(array: np.ndarray) -> np.ndarray:
        if array.dtype.kind == "c":
            return by_parts(nudge, array)
        if array.dtype.kind != "f":
            return array
        return (array * (1 + 2 * precision.unit_roundoff * rng.choice([-1.0, 1.0], array.shape))).astype(array.dtype)

    if any(batch.floating for batch in entering.batches):
        batches = tuple(batch.mapped(lambda _, array: nudge(array)) for batch in entering.batches)
        return replace(entering, batches=batches).at(precision)
    weights = {name: nudge(entering.weights[name]) for name in sorted(entering.weights)}  # a record has another order
    return replace(entering, weights={name: weights[name] for name in entering.weights}).at(precision)
