"""Where, when and why two float32 training runs drift apart while the float64 runs do not: read off the numbers."""

from math import isfinite, log2

from compare.measure.trajectory import GateFlip, Training
from compare.verdict.counted import counted
from compare.verdict.precision import FLOAT32, FLOAT64

ROUNDOFF_RATIO = log2(FLOAT32.unit_roundoff / FLOAT64.unit_roundoff)


def explain_drift(training: Training) -> dict[str, str]:
    """One paragraph each for where, when and why, and for what the judge would have seen."""
    return {"where": _where(training), "when": _when(training), "why": _why(training), "sees": _sees(training)}


def _where(training: Training) -> str:
    drifts = training.drift_by_parameter
    if not all(isfinite(drift["float32"]) for drift in drifts.values()):
        return "Everywhere: a float32 run ends in NaN or infinity."
    if not any(drift["float32"] for drift in drifts.values()):
        return "Nowhere: the two float32 runs end with the same bits in every parameter."
    name = max(drifts, key=lambda parameter: drifts[parameter]["float32"])
    least = min(drifts, key=lambda parameter: drifts[parameter]["float32"])
    return (
        f"In every parameter: most in {name} ({drifts[name]['float32']:.1e} of its size), "
        f"least in {least} ({drifts[least]['float32']:.1e})."
    )


def _when(training: Training) -> str:
    first, last = training.steps[0], training.steps[-1]
    if not any(step.drift_32 for step in training.steps):
        return f"Never, in {counted(last.step, 'step')}."
    if not isfinite(last.drift_32):
        left = next(step.step for step in training.steps if not isfinite(step.drift_32))
        return (
            f"A float32 run leaves the finite numbers in step {left}: training diverges, which no tolerance can mend."
        )
    text = f"From the first update on ({first.drift_32:.1e}) to {last.drift_32:.1e} after step {last.step}. "
    if flip := training.first_flip:
        return text + (
            f"The first ReLU gate that the two float32 runs set differently: step {flip.step}, {_gate(flip)}; "
            f"{counted(sum(step.gates_32 for step in training.steps), 'gate')} in all."
        )
    return text + "The two float32 runs set no ReLU gate differently in any step."


def _why(training: Training) -> str:
    last = training.steps[-1]
    if not isfinite(last.drift_32):
        return "The loss overflows: the learning rate is too large, or the data are not scaled."
    text = (
        f"Both sides round to 2^-{FLOAT32.bits}, in different orders of summation. The noise envelope, the reference "
        f"with the rows of each batch permuted, is at {last.envelope:.1e}: the port's drift is "
        f"{last.drift_32 / last.envelope:.2f} times what reordering alone does to the reference."
        if last.envelope > 0
        else "Both sides round, in different orders of summation."
    )
    if last.drift_32 > 0 and last.drift_64 > 0:
        text += (
            f" Float64 starts from 2^-{FLOAT64.bits} and is amplified alike: its drift is {last.drift_64:.1e}, "
            f"2^-{log2(last.drift_32 / last.drift_64):.1f} of float32's, where the roundoffs alone predict "
            f"2^-{ROUNDOFF_RATIO:.0f}."
        )
    if flip := training.first_departure:
        before = training.steps[flip.step - 2].departure if flip.step > 1 else 0.0
        text += (
            f" A gate is where rounding becomes a different path: at step {flip.step} float32 and its oracle set one "
            f"differently ({_gate(flip)}), and their distance grows from {before:.1e} to {last.departure:.1e} "
            f"by the end."
        )
    flips = sum(step.gates_64 for step in training.steps)
    return text + (
        f" In float64 {counted(flips, 'gate differs', 'gates differ')}."
        if flips
        else " In float64 no gate differs in any step."
    )


def _sees(training: Training) -> str:
    flip = training.first_departure
    before = [step.sees for step in training.steps if flip is None or step.step < flip.step]
    after = [step.sees for step in training.steps if flip is not None and step.step >= flip.step]
    parts = [f"a relative difference of {max(before):.1e} in any update"] if before else []
    if flip is not None and after:
        parts.append(f"from step {flip.step} on, where float32 has left its oracle, one of {max(after):.1e}")
    return f"Would have shown: {'; '.join(parts)}."


def _gate(flip: GateFlip) -> str:
    return f"training image {flip.image}, hidden unit {flip.unit}, pre-activation {flip.left:.1e} and {flip.right:.1e}"
