"""What is done about a quantity that is no match at first: promoted oracles, a judgement without any, a known cause."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np

from compare.frameworks import devices
from compare.pair.pair import Entering
from compare.sides.quartet import STATE, STEPS, Quartet, Run, SideError, What
from compare.sides.variance import DIFFERS
from compare.sides.witnesses import NONE, find_witness
from compare.verdict.precision import Precision
from compare.verdict.verdict import Judgement, Verdict, judge, judge_without_oracle

RERUNS = 8
NO_ORACLE = "no_oracle"
OFF_THE_CARD = "a kernel on the GPU is accurate to float32 only, in float64 too: judged by float64 on the CPU"
ISLANDS = 2.0**14  # over a side's own rounding errors: a larger gap is no float32 inside a model


@dataclass(frozen=True)
class Judged:
    """The judgements on one run of a pair, by quantity; ``oracle`` is the reference's float64 run, if it has one,
    ``port`` the port's at the working precision."""

    judgements: dict[str, Judgement]
    oracle: Run = field(default_factory=dict)
    port: Run = field(default_factory=dict)


def judge_port(quartet: Quartet, entering: Entering, what: What, t: Run, t64: Run | None) -> Judged:
    """Run the port, hold it against the reference's runs ``t`` and ``t64`` (None: it cannot run in float64).

    Raises:
        SideError: the port raises at the working precision.
    """
    j = quartet.working_port(entering, what)
    j64 = None
    if t64 is not None and not quartet.no_oracle:
        try:
            j64 = quartet.oracle_port(entering, what)
        except SideError as error:
            quartet.no_oracle = str(error)
    if t64 is None or j64 is None:
        return Judged(_without_oracle(quartet, entering, what, t, j), port=j)
    judged = quartet.judge(t, j, t64, j64)
    doubtful = [name for name, one in judged.items() if _is_doubtful(one)]
    if not quartet.promoted and any(_may_be_rounding(judged[name]) for name in doubtful):
        judged |= _promoted(quartet, entering, what, {name: judged[name] for name in doubtful}, t, j)
    if quartet.oracle.name == "gpu" and not quartet.on_record:
        judged |= _off_the_card(quartet, entering, what, judged, t, j)
    judged |= _with_witness(quartet, entering, what, judged, t, j)
    judged |= _by_known_cause(quartet, entering, what, judged, (t, j, t64, j64))
    judged |= _in_another_unit(quartet, judged, (t, j, t64, j64))
    return Judged(judged, t64, j)


def reference_runs(quartet: Quartet, entering: Entering, what: What) -> tuple[Run, Run | None]:
    """The reference's runs; the second is None where it cannot run in float64.

    Raises:
        SideError: it raises at the working precision.
    """
    t = quartet.working_reference(entering, what)
    if quartet.no_oracle:
        return t, None
    try:
        return t, quartet.oracle_reference(entering, what)
    except SideError as error:
        quartet.no_oracle = str(error)
        return t, None


def _is_doubtful(one: Judgement) -> bool:
    return one.verdict in (Verdict.FLOAT32_ONLY, Verdict.MISMATCH)


def _may_be_rounding(one: Judgement) -> bool:
    """Whether float32 inside the models could explain the gap: what is rounded in there is rounded in the runs at the
    working precision too, and shows in their errors."""
    return one.gap <= ISLANDS * max(one.error_reference, one.error_port, one.quiet)


def _promoted(
    quartet: Quartet, entering: Entering, what: What, doubtful: Mapping[str, Judgement], t: Run, j: Run
) -> dict[str, Judgement]:
    """The doubtful ones judged again with promoted oracles, which stay in use where they make any of them match."""
    quartet.promoted = True
    try:
        t64, j64 = quartet.oracle_reference(entering, what), quartet.oracle_port(entering, what)
    except SideError as error:
        quartet.promoted = False
        text = f"promoted oracles failed: {error}"
        return {name: replace(one, reason=one.reason or text) for name, one in doubtful.items()}
    judged = quartet.judge(*({name: run[name] for name in doubtful} for run in (t, j, t64, j64)))
    quartet.promoted = any(one.verdict is Verdict.MATCH for one in judged.values())
    where = _inside(quartet, entering, what) if quartet.promoted else ""
    return {name: replace(one, reason=where) if one.verdict is Verdict.MATCH else one for name, one in judged.items()}


def _off_the_card(
    quartet: Quartet, entering: Entering, what: What, judged: Mapping[str, Judgement], t: Run, j: Run
) -> dict[str, Judgement]:
    """What still differs by float32's size, judged by float64 on the CPU, which stays in use where any of it matches.

    Not every kernel for a GPU is accurate to float64: torch's hardswish and weight norm hold constants in float32 there
    (seen with torch 2.11 on an H200: relative errors of 3e-8 and 5e-8 in float64).
    """
    doubtful = {name: one for name, one in judged.items() if _is_doubtful(one) and _may_be_rounding(one)}
    if not doubtful:
        return {}
    card, promoted = quartet.oracle, quartet.promoted
    quartet.place_oracles(devices.choose("cpu"))
    again: dict[str, Judgement] = {}
    with suppress(SideError):  # a model that runs on the card alone
        t64, j64 = quartet.oracle_reference(entering, what), quartet.oracle_port(entering, what)
        again = quartet.judge(*({name: run[name] for name in doubtful} for run in (t, j, t64, j64)))
        if not promoted and (left := {name: one for name, one in again.items() if _is_doubtful(one)}):
            again |= _promoted(quartet, entering, what, left, t, j)
    closed = {name: one for name, one in again.items() if one.verdict is Verdict.MATCH}
    if not closed:
        quartet.place_oracles(card)
        quartet.promoted = promoted
    return {
        name: replace(one, reason=": ".join(filter(None, (OFF_THE_CARD, one.reason)))) for name, one in closed.items()
    }


def _inside(quartet: Quartet, entering: Entering, what: What) -> str:
    """Where the models' own code makes something float32."""
    places = list(quartet.promoted_reference.inside)
    if what != STEPS:
        with suppress(Exception):  # a model that only the promoted trace stands: then one side's places have to do
            places += quartet.islands_of_port(entering, what)
    places = list(dict.fromkeys(places))
    more = f" and {len(places) - 3} more" if len(places) > 3 else ""
    return f"float32 inside: {', '.join(places[:3]) or 'the code of a library'}{more}"


def _with_witness(
    quartet: Quartet, entering: Entering, what: What, judged: Mapping[str, Judgement], t: Run, j: Run
) -> dict[str, Judgement]:
    """With promoted oracles nothing explains a gap of float32's size but a constant held in float32: where there is
    none that is responsible, the two are different functions."""
    names = [name for name, one in judged.items() if one.verdict is Verdict.FLOAT32_ONLY]
    if not names:
        return {}
    if quartet.on_record:
        told = "no witness can be sought against a record: verify with both frameworks installed"
        if quartet.oracle.name == "gpu":
            told += ", or record and judge with --oracle-device cpu"
        return {name: replace(judged[name], verdict=Verdict.MISMATCH, reason=told) for name in names}
    if not quartet.witness and what != STEPS:
        quartet.witness = find_witness(quartet, entering, what, names, t, j)
    if quartet.witness:
        return {name: replace(judged[name], reason=quartet.witness) for name in names}
    return {name: replace(judged[name], verdict=Verdict.MISMATCH, reason=judged[name].reason or NONE) for name in names}


def _by_known_cause(
    quartet: Quartet, entering: Entering, what: What, judged: Mapping[str, Judgement], runs: tuple[Run, Run, Run, Run]
) -> dict[str, Judgement]:
    """Name the running variance of N against N - 1 where it is all that a mismatch comes from."""
    t, j, t64, j64 = runs
    unbiased = quartet.with_unbiased_variance(j64, entering, what)
    named = {}
    for name in unbiased:
        if judged[name].verdict is Verdict.MISMATCH:
            working = quartet.with_unbiased_variance(j, entering, what)
            if judge(t[name], working[name], t64[name], unbiased[name], quartet.precision).verdict is Verdict.MATCH:
                named[name] = replace(judged[name], reason=DIFFERS)
    return named


def _in_another_unit(
    quartet: Quartet, judged: Mapping[str, Judgement], runs: tuple[Run, Run, Run, Run]
) -> dict[str, Judgement]:
    """An optimizer's state that is a constant times the other's in every parameter is another convention (the learning
    rate inside the momentum buffer or outside it), and no other function: the updates are compared by themselves."""
    slots: dict[str, list[str]] = {}
    for name, one in judged.items():
        if name.startswith(STATE):
            slots.setdefault(name.split("/")[2], []).append(name)
            if one.verdict is Verdict.INVALID:
                return {}
    told: dict[str, Judgement] = {}
    for slot, names in slots.items():
        if all(judged[name].verdict is Verdict.MATCH for name in names):
            continue
        t, j, t64, j64 = ({name: run[name] for name in names} for run in runs)
        size = sum(float(np.vdot(t64[name], t64[name])) for name in names)
        factor = sum(float(np.vdot(t64[name], j64[name])) for name in names) / size if size else 0.0
        if factor == 0 or not np.isfinite(factor):
            continue
        j, j64 = ({name: array / factor for name, array in run.items()} for run in (j, j64))
        again = quartet.judge(t, j, t64, j64)
        if all(one.verdict is Verdict.MATCH for one in again.values()):
            reason = f"the port's {slot} is {factor:.6g} times torch's in every parameter: another convention"
            told |= {name: replace(one, reason=reason) for name, one in again.items()}
    return told


def _without_oracle(quartet: Quartet, entering: Entering, what: What, t: Run, j: Run) -> dict[str, Judgement]:
    """Each quantity at the working precision alone, its error the largest deviation over re-runs nearby."""
    errors_t: dict[str, float] = {}
    errors_j: dict[str, float] = {}
    for rng in np.random.default_rng(entering.seed).spawn(RERUNS):
        nearby = nudged(entering, rng, quartet.precision)
        _note_errors(errors_t, t, lambda: quartet.working_reference(nearby, what))  # noqa: B023  # called at once
        _note_errors(errors_j, j, lambda: quartet.working_port(nearby, what))  # noqa: B023
    judged = {}
    for name in dict.fromkeys([*t, *j]):
        if name not in t or name not in j:
            owner = "reference" if name in t else "port"
            judged[name] = Judgement(Verdict.INVALID, reason=f"only the {owner} has it")
        else:
            one = judge_without_oracle(t[name], j[name], errors_t[name], errors_j[name], quartet.precision)
            judged[name] = replace(one, reason=one.reason or f"{NO_ORACLE}: {quartet.no_oracle}")
    return judged


def _note_errors(errors: dict[str, float], run: Run, again: Callable[[], Run]) -> None:
    for name, array in again().items():
        with np.errstate(invalid="ignore", over="ignore"):
            apart = array.astype(np.float64) - run[name].astype(np.float64)
        finite = apart[np.isfinite(apart)]
        errors[name] = max(errors.get(name, 0.0), float(np.sqrt(np.dot(finite, finite))))


def nudged(entering: Entering, rng: np.random.Generator, precision: Precision) -> Entering:
    """What enters, every floating input moved by one unit in the last place; the weights, where no input floats."""

    def nudge(array: np.ndarray) -> np.ndarray:
        if array.dtype.kind != "f":
            return array
        return (array * (1 + 2 * precision.unit_roundoff * rng.choice([-1.0, 1.0], array.shape))).astype(array.dtype)

    if any(batch.floating for batch in entering.batches):
        batches = tuple(batch.mapped(lambda _, array: nudge(array)) for batch in entering.batches)
        return replace(entering, batches=batches).at(precision)
    return replace(entering, weights={name: nudge(array) for name, array in entering.weights.items()}).at(precision)
