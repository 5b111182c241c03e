"""What is worth saying of a verdict beside its numbers, each in one line."""

from collections.abc import Iterator, Sequence

from compare.sides.judging import Judged
from compare.sides.plan import Plan
from compare.sides.quartet import Quartet
from compare.verdict.bits import PrecisionFlag
from compare.verdict.counted import counted
from compare.verdict.quantity import Quantity
from compare.verdict.verdict import Verdict
from compare.verification.certificates import Teeth
from compare.verification.probing import Outcome, skipped_in

BY_HAND = "what is drawn with them by hand is not torch's, and what depends on it is not compared"
UNUSED = "nothing draws with them by hand, and all is compared"


def notices(
    quartet: Quartet,
    plan: Plan,
    quantities: Sequence[Quantity],
    outcomes: Sequence[Outcome],
    steps: Judged | None,
    flag: PrecisionFlag | None,
    bitten: Teeth,
    beside: Sequence[str] = (),
) -> Iterator[str]:
    """Of a pair: what was left out and why, what the models hold or draw, and why a match is one.

    Args:
        outcomes: of the pair's own batch and of every probe; steps: the training steps, where there were any.
        beside: what other stages have to say.
    """
    every = judged_in(outcomes, steps)
    if plan.quick:
        yield "quick: no probes and no mutants were run"
    if quartet.pair.modes and quartet.prepared.modes == (None,):
        yield f"modes={quartet.pair.modes} says nothing here: neither model tells training from evaluation"
    yield from quartet.prepared.notes
    if quartet.prepared.evaluates_only:
        yield "compared in evaluation mode alone: the reference came in it, and the port knows no other"
    if frozen := quartet.prepared.reference.frozen:
        yield f"frozen in the reference, gradients and updates not compared: {', '.join(frozen)}"
    for name, leaf in quartet.prepared.untrained.items():
        yield f"{name} is no parameter in the port, where {leaf} holds it: it has no gradient, and nothing trains it"
    if why := next((judged.no_oracle for judged in every if judged.no_oracle), ""):
        yield f"no_oracle: judged at {quartet.precision.name} alone: {why}"
    if streams := quartet.pair.rngs:
        drawn = any(outcome.drawn for outcome in outcomes)
        yield f"rngs: the port has random keys for {', '.join(streams)}: {BY_HAND if drawn else UNUSED}"
    yield from dict.fromkeys(text for judged in every for text in lowered_in(judged))
    yield from _of_dropout(every)
    if slots := sorted(steps.unpaired if steps else ()):
        yield f"optimizer state without a counterpart in the port, not compared: {', '.join(slots)}"
    if flag:
        yield (
            f"precision: the {flag.side} is less precise ({flag.bits_reference:.1f} effective bits in the reference, "
            f"{flag.bits_port:.1f} in the port, at {flag.quantity} on {flag.probe}): likely {flag.likely}"
        )
    if check := ", ".join(bitten.toothless):
        yield f"teeth: no mutant was caught by {check}: that check proves nothing here"
    yield from beside
    for probe, message in skipped_in(outcomes).items():
        yield f"probe {probe} skipped: {message}"
    yield from _of_quantities(quantities)


def judged_in(outcomes: Sequence[Outcome], steps: Judged | None) -> list[Judged]:
    """Everything that was judged: the pair's own batch, every probe, and the training steps, where there were any."""
    return [*(outcome.judged for outcome in outcomes if outcome.judged), *([steps] if steps else [])]


def lowered_in(judged: Judged) -> Iterator[str]:
    """What the models round below the working precision: on both sides, and on one alone."""
    if judged.lowering:
        yield from filter(None, (judged.lowering.both, judged.lowering.alone))


def _of_dropout(every: Sequence[Judged]) -> Iterator[str]:
    """Of the first run in training: which dropouts the two sides do not share."""
    judged = next((one for one in every if one.port.replay), None)
    if judged is None or (replay := judged.port.replay) is None:
        return
    if replay.unused:
        yield f"dropout: the reference has {len(replay.unused)} more than the port"
    yield from replay.rates_apart(list(judged.reference.dropouts))
    yield from replay.ambiguous


def _of_quantities(quantities: Sequence[Quantity]) -> Iterator[str]:
    if low := [quantity.name for quantity in quantities if quantity.verdict is Verdict.FLOAT32_ONLY]:
        many = counted(len(low), "quantity agrees", "quantities agree")
        yield f"{many} to float32 only, first {low[0]}: something is held at low precision"
    if kinks := [quantity for quantity in quantities if quantity.kink]:
        many = counted(len(kinks), "gradient differs", "gradients differ")
        yield (
            f"{many} on a kink only, first {kinks[0].name} on {kinks[0].probe}: the function has a corner there, each "
            "side takes the slope on another side of it, and at four points nearby they match"
        )
    reasons: dict[str, list[Quantity]] = {}
    for quantity in quantities:
        if quantity.judgement.reason and quantity.verdict is Verdict.MATCH:
            reasons.setdefault(quantity.judgement.reason, []).append(quantity)
    for reason, explained in reasons.items():
        many = counted(len(explained), "quantity", "quantities")
        yield f"{reason} ({many}, first {explained[0].name} on {explained[0].probe})"
