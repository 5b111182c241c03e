"""A judgement where a model cannot run in float64: by how far rounding leaves each side from what it would be."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from compare.arrays.arrays import by_parts
from compare.arrays.several import each
from compare.errors import swallowed
from compare.pair.pair import Entering
from compare.sides.conventions import in_another_unit
from compare.sides.doubts import stands
from compare.sides.quantities import only_one_has_it, slot_of, unpaired_slots
from compare.sides.quartet import Quartet
from compare.sides.side import Deviations, Result, Run, SideError, What
from compare.sides.variance import DIFFERS
from compare.verdict.precision import Precision
from compare.verdict.thresholds import RERUNS
from compare.verdict.verdict import Judgement, Verdict
from compare.verdict.without_oracle import deviation, judge_without_oracle

NO_ORACLE = "no_oracle"


@dataclass(frozen=True)
class Rounding:
    """How far rounding leaves one side from what it would compute exactly.

    Attributes:
        errors: of each quantity, as a 2-norm.
        exact: the side's run in float64 that they are taken from; None where they are those of re-runs nearby.
        unknown: why nothing tells them; empty where something does.
    """

    errors: Mapping[str, float]
    exact: Run | None = None
    unknown: str = ""


def without_oracle(
    quartet: Quartet,
    entering: Entering,
    what: What,
    t: Result,
    j: Result,
    why: str,
    sizes: Mapping[str, float] | None = None,
    runs: Sequence[Result] | None = None,
) -> dict[str, Judgement]:
    """Each quantity at the working precision alone, its errors as well as they can be known.

    The rules of structure are those with oracles. Where nothing says how large rounding is: ``incomplete``.

    Args:
        why: a model cannot run in float64, the reason of each judgement that has no other.
        sizes: what a quantity's size counts as at least, as with oracles.
        runs: the reference's in float64, the best first; None where none was tried.
    """
    sizes = sizes or {}
    of_reference = rounding_of_reference(quartet, entering, what, t, j, runs)
    of_port = rounding_of_port(quartet, entering, what, t, j)

    def judged(names: list[str], factor: float = 1.0) -> dict[str, Judgement]:
        judgements = {}
        for name in names:
            port = j[name] if factor == 1.0 else j[name] / factor
            errors = of_reference.errors.get(name, 0.0), of_port.errors.get(name, 0.0) / abs(factor)
            exact = None
            if of_reference.exact is not None and of_port.exact is not None:
                exact = of_reference.exact[name], of_port.exact[name]
            ordinary = sizes.get(name, 0.0)
            judgement = judge_without_oracle(t[name], port, *errors, quartet.precision, exact, ordinary)
            judgements[name] = replace(judgement, reason=judgement.reason or f"{NO_ORACLE}: {why}")
        return judgements

    unpaired = unpaired_slots(t, j)
    names = [name for name in dict.fromkeys([*t, *j]) if slot_of(name) not in unpaired]
    lonely = {name: invalid for name in names if (invalid := only_one_has_it(name, (t,), (j,)))}
    both = judged([name for name in names if name not in lonely])
    if unknown := of_port.unknown or of_reference.unknown:
        reason = f"{NO_ORACLE}: {why}; and no re-run nearby that tells how large rounding is: {unknown}"
        both = {
            name: judgement if judgement.verdict is Verdict.INVALID else Judgement(Verdict.INCOMPLETE, reason=reason)
            for name, judgement in both.items()
        }
    ordered = {name: (lonely | both)[name] for name in names}
    ordered |= _by_known_cause(quartet, entering, what, ordered, t, j, of_reference)
    return ordered | in_another_unit(ordered, t, j, judged, Verdict.FLOAT32_ONLY)


def _by_known_cause(
    quartet: Quartet,
    entering: Entering,
    what: What,
    judged: Mapping[str, Judgement],
    t: Result,
    j: Result,
    of_reference: Rounding,
) -> dict[str, Judgement]:
    """``conventions.by_known_cause`` where there is no oracle."""
    named = {}
    for name, array in quartet.with_unbiased_variance(j, t, entering, what).items():
        if name in judged and judged[name].verdict is Verdict.MISMATCH:
            errors = of_reference.errors.get(name, 0.0), judged[name].error_port
            if judge_without_oracle(t[name], array, *errors, quartet.precision).verdict is Verdict.FLOAT32_ONLY:
                named[name] = replace(judged[name], reason=DIFFERS)
    return named


def rounding_of_reference(
    quartet: Quartet, entering: Entering, what: What, t: Result, j: Run, runs: Sequence[Result] | None = None
) -> Rounding:
    """The reference's: by its own float64 run where one stands, by re-runs nearby where none does.

    Args:
        runs: those in float64, the best first; None: they are tried here.
    """
    for exact in _in_float64(quartet, entering, what) if runs is None else runs:
        if _same_quantities(t, exact) and stands(t, exact):
            return Rounding(_apart(t, exact, j), exact)
    found = quartet.recorded_deviations(entering, what) or deviations(
        lambda beside: quartet.working_reference(beside, what), t, entering, quartet.precision, j
    )
    return Rounding(found.largest, unknown="" if "" in found.raised else found.raised[-1])


def _in_float64(quartet: Quartet, entering: Entering, what: What) -> Iterator[Result]:
    """The reference's runs there: promoted and plain, of those that it does not refuse."""
    for promoted in (True, False):
        try:
            yield quartet.using(replace(quartet.oracles, promoted=promoted)).oracle_reference(entering, what)
        except SideError as error:
            swallowed(error)


def rounding_of_port(quartet: Quartet, entering: Entering, what: What, t: Result, j: Result) -> Rounding:
    """The port's: by its program in float64, by re-runs nearby where that does not stand, and by both where parts of
    the program are not of JAX."""
    exact: Run | None = None
    errors: dict[str, float] = {}
    try:
        exact = quartet.traced_port(entering, what, t)
        if not (_same_quantities(j, exact) and stands(j, exact)):
            exact = None
    except SideError as error:
        swallowed(error)
    if exact is not None:
        errors = _apart(j, exact, t)
        if not quartet.port_as_traced.outside:
            return Rounding(errors, exact)
    found = deviations(lambda beside: quartet.working_port(beside, what, t), j, entering, quartet.precision, t)
    largest = {name: max(errors.get(name, 0.0), found.largest.get(name, 0.0)) for name in j}
    return Rounding(largest, unknown="" if exact is not None or "" in found.raised else found.raised[-1])


def deviations(
    run: Callable[[Entering], Run], own: Run, entering: Entering, precision: Precision, other: Run | None = None
) -> Deviations:
    """How far a side's re-runs nearby leave ``own``, its run on what enters; ``other`` is the other side's."""
    largest: dict[str, float] = {}
    raised: list[str] = []
    for beside in reruns(entering, precision):
        try:
            for name, apart in _apart(own, run(beside), other or own).items():
                largest[name] = max(largest.get(name, 0.0), apart)
            raised.append("")
        except SideError as error:  # the edge of the model's own domain lies between
            swallowed(error)
            raised.append(str(error))
    return Deviations(largest, tuple(raised))


def _apart(own: Run, again: Run, other: Run) -> dict[str, float]:
    """How far another run of a side leaves its own one, by quantity, over the entries that are held against ``other``,
    the other side's."""
    return {
        name: deviation(own[name], array, other.get(name))
        for name, array in again.items()
        if name in own and array.shape == own[name].shape
    }


def _same_quantities(own: Run, exact: Run) -> bool:
    """Whether a float64 run has all that its side has at the working precision, in the same shapes."""
    return all(name in exact and exact[name].shape == array.shape for name, array in own.items())


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

    if entering.batches[0].floating:
        batches = each(lambda batch: batch.mapped(lambda _, array: nudge(array)), entering.batches)
        return replace(entering, batches=batches).at(precision)
    weights = {name: nudge(entering.weights[name]) for name in sorted(entering.weights)}  # a record has another order
    return replace(entering, weights={name: weights[name] for name in entering.weights}).at(precision)
