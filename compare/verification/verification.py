"""One pair, verified: outputs, gradients, statistics, updates, a short trajectory. Returns data, prints nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.arrays.batch import Batch
from compare.arrays.probes import BASE, SUBNORMAL, nearby, probed
from compare.errors import UsageError
from compare.frameworks.devices import Device
from compare.frameworks.dropout.pairing import DropoutMismatch
from compare.frameworks.models.modes import Mode
from compare.pair.pair import Entering, Pair
from compare.pair.prepare import prepare, prepare_recorded
from compare.sides.judging import Judged, judge_port, reference_runs
from compare.sides.quartet import STEPS, Quartet, SideError, What
from compare.sides.records import Record, recorded_side
from compare.verdict.bits import PrecisionFlag, precision_flag
from compare.verdict.precision import FLOAT32, Precision
from compare.verdict.quantity import EVAL, Quantity, kind_of
from compare.verdict.verdict import Judgement, Verdict, worst
from compare.verification.certificates import Coverage, Teeth, coverage, digest, teeth
from compare.verification.envelope import Envelope, envelope

if TYPE_CHECKING:
    from compare.explain.explain import Explanation

VANISHED = 1e-3  # of a gradient's size: below it nothing is left that could differ
TRAINING_STEPS = 3  # of the trajectory: a stale gradient or momentum shows from the second on

FAILING = (Verdict.FLOAT32_ONLY, Verdict.MISMATCH, Verdict.INVALID)

Progress = Callable[[str], None]
Suspect = tuple[str, Mode, Entering]  # a probe, a mode and what enters, on which something differs


@dataclass(frozen=True)
class Plan:
    """How much is compared.

    Attributes:
        seed: of everything that is drawn.
        all_probes: also probes with another number of rows, each of which compiles anew.
        quick: the pair's own batch alone: no probes and no mutants.
        steps: training steps, where the pair has optimizers.
        locate: where something differs, find out where and why.
    """

    seed: int = 0
    all_probes: bool = False
    quick: bool = False
    steps: int = TRAINING_STEPS
    locate: bool = True


@dataclass(frozen=True)
class PairReport:
    """Everything that was found out about one pair."""

    pair: str
    title: str
    verdict: Verdict
    device: str
    dtype: str
    quantities: tuple[Quantity, ...]
    precision: PrecisionFlag | None
    coverage: Coverage
    teeth: Teeth
    weight_map: tuple[str, ...]
    notices: tuple[str, ...]
    envelope: Envelope | None = None
    explanation: "Explanation | None" = None

    def failed(self, strict: bool = False) -> bool:
        """Whether the pair counts as not matched. ``strict`` accepts neither float32_only, nor a flag, nor a
        toothless check."""
        if strict:
            return self.verdict is not Verdict.MATCH or self.precision is not None or bool(self.teeth.toothless)
        return self.verdict not in (Verdict.MATCH, Verdict.FLOAT32_ONLY)


@dataclass
class _Findings:
    """What gathers while a pair is verified."""

    quantities: list[Quantity] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    digests: dict[str, dict[str, bytes]] = field(default_factory=dict)
    compared: list[What] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    drawn: set[str] = field(default_factory=set)
    envelope: Envelope | None = None
    suspects: list[Suspect] = field(default_factory=list)
    steps: Judged | None = None
    input_size: float = 0.0  # squared, of the pair's own batch

    def add(self, judged: dict[str, Judgement], probe: str, kinks: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        self.quantities += [Quantity(name, kind_of(name), probe, one, name in kinks) for name, one in judged.items()]


class Session:
    """A pair brought together and ready to be verified, more than once if need be: what is compiled stays."""

    def __init__(
        self,
        pair: Pair,
        device: Device,
        precision: Precision = FLOAT32,
        plan: Plan = Plan(),  # frozen
        oracle: Device | None = None,
        record: Record | None = None,
    ) -> None:
        """``record``: the reference's runs, where it was run before; then precision and plan are the record's."""
        self.plan = Plan(**record.facts["plan"]) if record else plan
        self.record = record
        if record is None:
            self.prepared = prepare(pair, plan.seed)
            self.quartet = Quartet(self.prepared, precision, device, oracle or device)
        else:
            self.prepared = prepare_recorded(pair, record)
            self.quartet = Quartet(
                self.prepared, record.precision, device, oracle or device, partial(recorded_side, record, self.prepared)
            )

    def _has_steps(self) -> bool:
        return self.record is None or bool(self.record.facts["has_optimizers"])

    def _entering(self) -> Entering:
        if self.record:
            return self.record.entering(self.prepared.buffers)
        steps = self.plan.steps if self.prepared.pair.optimizers else 1
        return self.prepared.enter(self.plan.seed, steps).at(self.quartet.precision)

    def verify(self, progress: Progress = lambda text: None) -> PairReport:
        """Judge everything that the plan asks for."""
        pair, plan, quartet = self.prepared.pair, self.plan, self.quartet
        entering = self._entering()
        found = _Findings()
        bitten = Teeth((), {})
        try:
            _on_probes(quartet, entering, plan, found, progress)
            if pair.by_hand:
                progress("the backward pass by hand")
                found.quantities += list(_by_hand(quartet, entering))
            if pair.optimizers and found.compared and self._has_steps():
                progress("training steps")
                t, t64 = reference_runs(quartet, entering, STEPS)
                judged = judge_port(quartet, entering, STEPS, t, t64)
                found.add(judged.judgements, BASE)
                found.steps = judged
                found.compared.append(STEPS)
                if self.record is None:
                    progress("the noise envelope")
                    found.envelope = envelope(quartet, entering, t, judged.port)
            if not plan.quick and not quartet.no_oracle:
                bitten = teeth(quartet, entering, found.quantities, tuple(found.compared), progress)
        except SideError as error:
            raise UsageError(f"pair {pair.name}: {error}") from error
        report = _report(quartet, entering, found, bitten, plan)
        if plan.locate and self.record is None and report.verdict is not Verdict.MATCH:
            from compare.explain.explain import explain_pair

            made = explain_pair(quartet, entering, found.suspects, found.steps, progress)
            report = replace(report, explanation=made)
        return report


def verify(
    pair: Pair,
    device: Device,
    precision: Precision = FLOAT32,
    plan: Plan = Plan(),  # frozen
    oracle: Device | None = None,
    progress: Progress = lambda text: None,
    record: Record | None = None,
) -> PairReport:
    """Judge ``pair`` on ``device``, its oracles on ``oracle`` (by default the same device).

    With ``record`` the reference is not run: its runs are looked up, and precision and plan are those of the record.

    Raises:
        UsageError: the comparison could not start: the weight map does not fit, or a model itself raises.
    """
    progress("the weight map")
    return Session(pair, device, precision, plan, oracle, record).verify(progress)


def _report(quartet: Quartet, entering: Entering, found: _Findings, bitten: Teeth, plan: Plan) -> PairReport:
    pair, quantities = quartet.pair, found.quantities
    covered = coverage(quartet, entering, quantities, found.skipped, found.digests, found.changed, found.drawn)
    verdict = worst([quantity.verdict for quantity in quantities])
    if (covered.not_compared or covered.drawn) and verdict.severity < Verdict.INCOMPLETE.severity:
        verdict = Verdict.INCOMPLETE
    # JAX on the CPU flushes a subnormal input to zero, so that all its bits are lost whatever the model computes.
    rows = ((q.name, q.probe, q.judgement) for q in quantities if q.probe != SUBNORMAL)
    flag = precision_flag(rows, quartet.precision, pair.smooth)
    return PairReport(
        pair=pair.name,
        title=pair.title or _title(pair),
        verdict=verdict,
        device=quartet.device.name,
        dtype=quartet.precision.name,
        quantities=tuple(quantities),
        precision=flag,
        coverage=covered,
        teeth=bitten,
        weight_map=tuple(quartet.prepared.weight_map.explain()),
        notices=tuple(_notices(quartet, quantities, flag, bitten, found.skipped, plan)),
        envelope=found.envelope,
    )


def _on_probes(quartet: Quartet, entering: Entering, plan: Plan, found: _Findings, progress: Progress) -> None:
    """Outputs, gradients and statistics on the batch and every probe of it, in every mode."""
    for probe, batch in probed(entering.batches[0], quartet.precision, plan.seed, plan.all_probes, plan.quick).items():
        fed = replace(entering, batches=(batch.at(quartet.precision),))
        for mode in quartet.prepared.modes:
            progress(f"probe {probe}" + {None: "", True: ", training", False: ", evaluation"}[mode])
            _on_one(quartet, fed, probe, mode, plan, found)


def _on_one(quartet: Quartet, fed: Entering, probe: str, mode: Mode, plan: Plan, found: _Findings) -> None:
    prefix = EVAL if mode is False and len(quartet.prepared.modes) > 1 else ""
    quartet.amplified = _amplified(fed.batches[0], found)
    try:
        t, t64 = reference_runs(quartet, fed, mode)
    except SideError as error:
        if probe == BASE:
            raise
        found.skipped[f"{probe}, evaluation" if prefix else probe] = str(error)
        return
    if mode is not False and quartet.reference.not_compared:
        found.drawn |= set(quartet.reference.not_compared)  # two runs would not agree with each other
        return
    try:
        if differs := quartet.structures_differ(t, fed, mode):
            found.add({f"{prefix}output": Judgement(Verdict.INVALID, reason=differs)}, probe)
            found.suspects.append((probe, mode, fed))
            return
        judged = judge_port(quartet, fed, mode, t, t64)
        if mode is not False and quartet.port.not_compared:
            found.drawn |= set(quartet.port.not_compared)
            return
    except SideError as error:
        if probe == BASE and not isinstance(error.__cause__, DropoutMismatch):
            raise
        found.add({f"{prefix}output": Judgement(Verdict.INVALID, reason=str(error))}, probe)
        return
    if probe == BASE:
        sizes = {name: one.scale for name, one in judged.judgements.items()}
        quartet.ordinary = {name: max(sizes.get(name, 0.0), quartet.ordinary.get(name, 0.0)) for name in sizes}
        found.compared.append(mode)
    found.changed |= set(quartet.reference.changed)
    oracle = {} if plan.quick else judged.oracle  # of one batch there is nothing to hold it against
    digests = {f"{prefix}{name}": digest(array) for name, array in oracle.items()}
    found.digests[probe] = found.digests.get(probe, {}) | digests
    kinks = set() if quartet.no_oracle else _kinks(quartet, fed, mode, judged.judgements, plan.seed)
    if probe != BASE and (left := _out_of_range(judged.judgements, probe)):
        found.skipped[f"{probe}, {len(left)} quantities"] = f"out of {quartet.precision.name}'s range, first {left[0]}"
        judged = replace(judged, judgements={name: one for name, one in judged.judgements.items() if name not in left})
    if any(one.verdict in FAILING for name, one in judged.judgements.items() if name not in kinks):
        found.suspects.append((probe, mode, fed))
    found.add(
        {f"{prefix}{name}": one for name, one in judged.judgements.items()},
        probe,
        {f"{prefix}{name}" for name in kinks},
    )


def _proves(around: Judgement, here: Judgement) -> bool:
    """Whether a neighbour speaks for a kink: it matches, and its gradient has not simply vanished."""
    return around.verdict is Verdict.MATCH and around.scale >= VANISHED * here.scale


def _out_of_range(judged: dict[str, Judgement], probe: str) -> list[str]:
    """What a probe drives out of the working precision's range on both sides; and on subnormal numbers, which JAX
    flushes on the CPU, what does not stay finite there on one side while the oracles agree."""
    return [
        name
        for name, one in judged.items()
        if one.verdict is Verdict.INCOMPLETE
        or (probe == SUBNORMAL and one.verdict is Verdict.INVALID and "working precision" in one.reason)
    ]


def _amplified(batch: Batch, found: _Findings) -> float:
    """How many times larger a probe's inputs are than the batch's, and so the rounding that they multiply."""
    size = sum(float(np.sum(np.square(batch.inputs[name], dtype=np.float64))) for name in batch.floating)
    found.input_size = found.input_size or size
    return max(1.0, float(np.sqrt(size / found.input_size))) if found.input_size and np.isfinite(size) else 1.0


def _kinks(quartet: Quartet, entering: Entering, mode: Mode, judged: dict[str, Judgement], seed: int) -> set[str]:
    """The gradients that differ here and match at every one of four perturbations nearby: both one-sided values of
    a kink are right. NaN on one side is no kink."""
    differing = {
        name
        for name, one in judged.items()
        if kind_of(name) == "gradient" and one.verdict in (Verdict.MISMATCH, Verdict.FLOAT32_ONLY)
    }
    for moved in nearby(entering.batches[0], quartet.precision, seed) if differing else ():
        around = quartet.judge(*quartet.run(replace(entering, batches=(moved,)), mode))
        differing = {name for name in differing if _proves(around[name], judged[name])}
        if not differing:
            break
    return differing


def _by_hand(quartet: Quartet, entering: Entering) -> Iterator[Quantity]:
    """Each framework against the derivation by hand, itself run at the working precision and in float64."""
    t, j, t64, j64 = quartet.run(entering, quartet.prepared.modes[0])
    hand, hand_64 = quartet.run_by_hand(entering)
    for side, at_p, at_64 in (("reference", t, t64), ("port", j, j64)):
        for name, one in quartet.judge(hand, at_p, hand_64, at_64).items():
            yield Quantity(f"by_hand/{side}/{name}", "by_hand", BASE, one)


def _title(pair: Pair) -> str:
    def kind(model: Any) -> str:
        model = model[0] if isinstance(model, tuple) else model
        return model.__name__ if hasattr(model, "__name__") else type(model).__name__

    return f"{kind(pair.reference)} in PyTorch, {kind(pair.port)} in JAX"


def _notices(
    quartet: Quartet,
    quantities: list[Quantity],
    flag: PrecisionFlag | None,
    bitten: Teeth,
    skipped: dict[str, str],
    plan: Plan,
) -> Iterator[str]:
    if plan.quick:
        yield "quick: no probes and no mutants were run"
    yield from quartet.prepared.notes
    if quartet.prepared.evaluates_only:
        yield "compared in evaluation mode alone: the reference came in it, and the port knows no other"
    if frozen := quartet.prepared.reference.frozen:
        yield f"frozen in the reference, gradients and updates not compared: {', '.join(frozen)}"
    if quartet.no_oracle:
        yield f"no_oracle: judged at {quartet.precision.name} alone: {quartet.no_oracle}"
    if replay := quartet.port.replay:
        if replay.unused:
            yield f"dropout: the reference has {len(replay.unused)} more than the port"
        yield from replay.rates_apart(quartet.reference.dropouts)
        yield from replay.ambiguous
    if slots := sorted(quartet.unpaired_slots):
        yield f"optimizer state without a counterpart in the port, not compared: {', '.join(slots)}"
    if flag:
        yield (
            f"precision: the {flag.side} is less precise ({flag.bits_reference:.1f} effective bits in the reference, "
            f"{flag.bits_port:.1f} in the port, at {flag.quantity} on {flag.probe}): likely {flag.likely}"
        )
    if check := ", ".join(bitten.toothless):
        yield f"teeth: no mutant was caught by {check}: that check proves nothing here"
    for probe, message in skipped.items():
        yield f"probe {probe} skipped: {message}"
    if low := [quantity.name for quantity in quantities if quantity.verdict is Verdict.FLOAT32_ONLY]:
        yield f"{len(low)} quantities agree to float32 only, first {low[0]}: something is held at low precision"
    if kinks := [quantity for quantity in quantities if quantity.kink]:
        yield f"{len(kinks)} gradients differ on a kink only, first {kinks[0].name} on {kinks[0].probe}"
    reasons: dict[str, list[Quantity]] = {}
    for quantity in quantities:
        if quantity.judgement.reason and quantity.verdict is Verdict.MATCH:
            reasons.setdefault(quantity.judgement.reason, []).append(quantity)
    for reason, ones in reasons.items():
        yield f"{reason} ({len(ones)} quantities, first {ones[0].name} on {ones[0].probe})"
