"""One probe of a pair in one mode, judged: outputs, gradients and statistics, and the kinks among them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from compare.arrays.probes import BASE, SUBNORMAL
from compare.errors import swallowed
from compare.frameworks.dropout.pairing import DropoutMismatch
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering
from compare.sides.context import Context
from compare.sides.doubts import Judgements
from compare.sides.judging import Judged, judge_port, reference_runs
from compare.sides.plan import Plan
from compare.sides.quartet import Quartet
from compare.sides.side import Run, SideError
from compare.verdict.counted import counted
from compare.verdict.quantity import EVAL, Quantity, kind_of_quantity
from compare.verdict.verdict import Judgement, Verdict
from compare.verification.certificates import digest
from compare.verification.kinks import Kinks, kinks

FAILING = (Verdict.FLOAT32_ONLY, Verdict.MISMATCH, Verdict.INVALID)


@dataclass(frozen=True)
class Outcome:
    """What one probe showed in one mode.

    Attributes:
        entering: the weights, and the probe.
        judged: how it was judged, without the arrays; None where nothing could be held against anything.
        skipped: what was not judged, with the reason.
        digests: of the reference's float64 run, by the oracles that the pair's own batch ended with, what ``digest``
            makes of each quantity.
        drawn: randomness that no mask replaced: two runs would not agree with each other.
        unlike: the quantities that depend on it, and so were not judged.
        failing: something differs, and it is worth a look where.
    """

    probe: str
    mode: Mode
    entering: Entering
    quantities: tuple[Quantity, ...] = ()
    judged: Judged | None = None
    skipped: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, bytes] = field(default_factory=dict)
    drawn: frozenset[str] = frozenset()
    unlike: frozenset[str] = frozenset()
    failing: bool = False


def skipped_in(outcomes: Iterable[Outcome]) -> dict[str, str]:
    """What any of them did not judge, with the reason."""
    return {name: why for outcome in outcomes for name, why in outcome.skipped.items()}


def judge_probe(quartet: Quartet, entering: Entering, probe: str, mode: Mode, context: Context, plan: Plan) -> Outcome:
    """Judge what enters on one probe.

    Raises:
        SideError: a model raises on the pair's own batch.
    """
    prefix = prefix_of(quartet, mode)
    noise, quartet = context.noise, quartet.without(context.noise.reaches)
    unlike = frozenset(f"{prefix}{name}" for name in noise.reaches)
    nothing = Outcome(probe, mode, entering, drawn=frozenset(noise.drawn), unlike=unlike)
    skipped = f"{probe}, evaluation" if prefix else probe
    try:
        t, t64, no_oracle = reference_runs(quartet, entering, mode, context)
    except SideError as error:
        if probe == BASE:
            raise
        swallowed(error)
        return replace(nothing, skipped={skipped: str(error)})
    if probe != BASE and no_oracle and not context.no_oracle:
        return replace(nothing, skipped={skipped: no_oracle})
    if noise.drawn and not t.arrays:
        return nothing
    if t.not_compared and not noise.drawn:
        return replace(nothing, drawn=frozenset(t.not_compared))
    try:
        if differs := quartet.structures_differ(t, entering, mode):
            return replace(nothing, quantities=_invalid(prefix, probe, str(differs)), failing=differs.named_alike)
        judged = judge_port(quartet, entering, mode, t, t64, no_oracle, context)
    except SideError as error:
        if probe == BASE and not isinstance(error.__cause__, DropoutMismatch):
            raise
        swallowed(error)
        return replace(nothing, quantities=_invalid(prefix, probe, str(error)))
    if judged.port.not_compared and not noise.drawn:
        return replace(nothing, drawn=frozenset(judged.port.not_compared))
    found = kinks(quartet, entering, mode, judged, context, plan.seed)
    failing = {name for name, one in judged.judgements.items() if one.verdict in FAILING and name not in found.on}
    if probe != BASE and found.undecided and failing <= found.undecided:
        return replace(nothing, skipped={skipped: f"beside it, {found.why}"})
    judgements, left = _decided(judged.judgements, found, probe), dict[str, str]()
    if found.undecided:
        left[f"{skipped}, nearby"] = found.why
    if probe != BASE and (beyond := _out_of_range(judgements, probe)):
        why = f"out of {quartet.precision.name}'s range" if not judged.no_oracle else judgements[beyond[0]].reason
        left[f"{probe}, {counted(len(beyond), 'quantity', 'quantities')}"] = f"{why}, first {beyond[0]}"
        judgements = {name: judgement for name, judgement in judgements.items() if name not in beyond}
    quantities = [
        Quantity(f"{prefix}{name}", kind_of_quantity(name), probe, judgement, name in found.on)
        for name, judgement in judgements.items()
    ]
    # By the same oracles on every probe: those that the pair's own batch ended with, which the others start with. Of
    # one batch alone there is nothing to hold it against.
    exact: Run = {} if plan.quick else judged.exact if probe == BASE else t64 or {}
    return replace(
        nothing,
        quantities=tuple(quantities),
        judged=judged.without_arrays(),
        skipped=left,
        digests={f"{prefix}{name}": digest(array) for name, array in exact.items()},
        failing=bool(failing.intersection(judgements)),
    )


def prefix_of(quartet: Quartet, mode: object) -> str:
    """What stands before the names of a mode's quantities."""
    return EVAL if mode is False and len(quartet.prepared.modes) > 1 else ""


def _decided(judgements: Judgements, found: Kinks, probe: str) -> Judgements:
    """Without the gradients of which nothing can be said; on the pair's own batch they are ``incomplete``."""
    decided: Judgements = {}
    for name, judgement in judgements.items():
        if name not in found.undecided:
            decided[name] = judgement
        elif probe == BASE:
            reason = f"differs, and whether on a kink alone cannot be told: beside it, {found.why}"
            decided[name] = replace(judgement, verdict=Verdict.INCOMPLETE, reason=reason)
    return decided


def _invalid(prefix: str, probe: str, reason: str) -> tuple[Quantity]:
    name = f"{prefix}output"
    return (Quantity(name, kind_of_quantity(name), probe, Judgement(Verdict.INVALID, reason=reason)),)


def _out_of_range(judged: Mapping[str, Judgement], probe: str) -> list[str]:
    """What a probe drives out of the working precision's range on both sides; and on subnormal numbers, which JAX
    flushes on the CPU, what does not stay finite there on one side while the oracles agree."""
    return [
        name
        for name, one in judged.items()
        if one.verdict is Verdict.INCOMPLETE
        or (probe == SUBNORMAL and one.verdict is Verdict.INVALID and "working precision" in one.reason)
    ]
