"""One pair, verified: outputs, gradients, updates, a short trajectory. Returns data, prints nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from compare.bits import PrecisionFlag, precision_flag
from compare.certificates import Coverage, Teeth, coverage, teeth
from compare.devices import Device
from compare.errors import UsageError
from compare.pair import Entering, Pair, enter
from compare.precision import FLOAT32, Precision
from compare.probes import BASE, full_batches, other_sizes, perturbed
from compare.quantity import Quantity, kind_of
from compare.quartet import Quartet, SideError
from compare.verdict import Judgement, Verdict, worst
from compare.weights import Arrays

STEPS = 3  # training steps of the trajectory: a stale gradient or momentum shows from the second on
PERTURBATIONS = 4

Progress = Callable[[str], None]


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

    def failed(self, strict: bool = False) -> bool:
        """Whether the pair counts as not matched. ``strict`` accepts neither float32_only, nor a flag, nor a
        toothless check."""
        if strict:
            return self.verdict is not Verdict.MATCH or self.precision is not None or bool(self.teeth.toothless)
        return self.verdict not in (Verdict.MATCH, Verdict.FLOAT32_ONLY)


def verify(
    pair: Pair,
    device: Device,
    precision: Precision = FLOAT32,
    seed: int = 0,
    all_probes: bool = False,
    oracle: Device | None = None,
    progress: Progress = lambda text: None,
) -> PairReport:
    """Judge ``pair`` on ``device``, its oracles on ``oracle`` (by default the same device).

    Raises:
        UsageError: the comparison could not start: the weight map does not fit, or the reference itself raises.
    """
    quartet = Quartet(pair, precision, device, oracle or device)
    entering = enter(pair, seed, STEPS).at(precision)
    try:
        quartet.port.check_shapes(entering)
        progress("outputs and gradients")
        quantities, skipped, oracles = _on_probes(quartet, entering, seed, all_probes, progress)
        if pair.by_hand:
            progress("the backward pass by hand")
            quantities += list(_by_hand(quartet, entering))
        progress("updates")
        quantities += _on_steps(quartet, entering)
        progress("mutants")
        bitten = teeth(quartet, entering, quantities)
    except SideError as error:
        raise UsageError(f"pair {pair.name}: {error}") from error
    covered = coverage(quartet, entering, quantities, skipped, oracles)
    verdict = worst([quantity.verdict for quantity in quantities])
    if covered.not_compared and verdict.severity < Verdict.INCOMPLETE.severity:
        verdict = Verdict.INCOMPLETE
    flag = precision_flag(((q.name, q.probe, q.judgement) for q in quantities), precision, pair.smooth)
    return PairReport(
        pair=pair.name,
        title=pair.title,
        verdict=verdict,
        device=device.name,
        dtype=precision.name,
        quantities=tuple(quantities),
        precision=flag,
        coverage=covered,
        teeth=bitten,
        weight_map=tuple(pair.weight_map.explain()),
        notices=tuple(_notices(quantities, flag, bitten, skipped)),
    )


def _on_probes(
    quartet: Quartet, entering: Entering, seed: int, all_probes: bool, progress: Progress
) -> tuple[list[Quantity], dict[str, str], dict[str, Arrays]]:
    """Outputs, loss and gradients on the batch and every probe of it; also what was skipped, and the oracle's runs."""
    base = entering.batches[0]
    batches = {BASE: base} | full_batches(base, quartet.precision, seed) | (other_sizes(base) if all_probes else {})
    quantities: list[Quantity] = []
    skipped: dict[str, str] = {}
    oracles: dict[str, Arrays] = {}
    for probe, batch in batches.items():
        progress(f"probe {probe}")
        fed = replace(entering, batches=(batch.at(quartet.precision),))
        try:
            t, t64 = quartet.run_reference(fed)
        except SideError as error:
            if probe == BASE:
                raise
            skipped[probe] = str(error)
            continue
        try:
            j, j64 = quartet.run_port(fed)
        except SideError as error:
            if probe == BASE:
                raise
            quantities.append(Quantity("output", "output", probe, Judgement(Verdict.INVALID, reason=str(error))))
            continue
        oracles[probe] = t64
        judged = quartet.judge(t, j, t64, j64)
        on_kink = _kinks(quartet, fed, judged, seed)
        quantities += [Quantity(name, kind_of(name), probe, one, name in on_kink) for name, one in judged.items()]
    return quantities, skipped, oracles


def _kinks(quartet: Quartet, entering: Entering, judged: dict[str, Judgement], seed: int) -> set[str]:
    """The gradients that differ here and match at every one of four perturbations nearby: both one-sided values of
    a kink are right. NaN on one side is no kink."""
    differing = {
        name
        for name, one in judged.items()
        if kind_of(name) == "gradient" and one.verdict in (Verdict.MISMATCH, Verdict.FLOAT32_ONLY)
    }
    for rng in np.random.default_rng(seed).spawn(PERTURBATIONS) if differing else ():
        moved = perturbed(entering.batches[0], rng).at(quartet.precision)
        nearby = quartet.judge(*quartet.run(replace(entering, batches=(moved,))))
        differing = {name for name in differing if nearby[name].verdict is Verdict.MATCH}
    return differing


def _by_hand(quartet: Quartet, entering: Entering) -> Iterator[Quantity]:
    """Each framework against the derivation by hand, itself run at the working precision and in float64."""
    t, j, t64, j64 = quartet.run(entering)
    hand, hand_64 = quartet.run_by_hand(entering)
    for side, at_p, at_64 in (("reference", t, t64), ("port", j, j64)):
        for name, one in quartet.judge(hand, at_p, hand_64, at_64).items():
            yield Quantity(f"by_hand/{side}/{name}", "by_hand", BASE, one)


def _on_steps(quartet: Quartet, entering: Entering) -> list[Quantity]:
    t, t64 = quartet.steps_reference(entering)
    j, j64 = quartet.steps_port(entering)
    return [Quantity(name, kind_of(name), BASE, one) for name, one in quartet.judge(t, j, t64, j64).items()]


def _notices(
    quantities: list[Quantity], flag: PrecisionFlag | None, bitten: Teeth, skipped: dict[str, str]
) -> Iterator[str]:
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
    for quantity in quantities:
        if quantity.judgement.reason and quantity.verdict is Verdict.MATCH:
            yield f"{quantity.name} on {quantity.probe}: {quantity.judgement.reason}"
