"""What proves that a verdict means something, in words: what was compared, what would have shown, what was caught."""

from collections.abc import Iterator

from compare.report.contract import PairForm
from compare.report.pieces import number
from compare.report.worst import blind
from compare.verdict.counted import counted

# Why entries are left out of every norm, by the key that counts them.
LEFT_OUT = {
    "fills": "huge and alike on both sides (the fill of a mask)",
    "flushed": "smaller than the smallest normal {dtype} (JAX flushes these to 0, torch does not)",
    "nonfinite": "not finite",
}


def certificates(pair: PairForm) -> Iterator[tuple[str, str]]:
    """Each as a word for the margin and its text; a further line of the same has no word."""
    yield from _coverage(pair)
    if limits := sorted(float(one["detection_limit"]) for one in pair["quantities"] if not blind(one)):
        yield "sees", _sees(pair, limits)
    if envelope := pair["envelope"]:
        yield (
            "drift",
            f"{number(envelope['drift'])} of the parameters' change in {counted(envelope['steps'], 'step')} at "
            f"{pair['dtype']}; the reference against itself, {envelope['by']}: {number(envelope['noise'])}",
        )
    if rule := pair.get("update_rule"):
        yield "rule", f"the update rule: {rule['text']}"
    bitten = pair["teeth"]
    if bitten["mutants"]:
        caught = ", ".join(f"{check} {len(names)}" for check, names in bitten["caught"].items())
        planted = counted(len(bitten["mutants"]), "fault")
        yield "teeth", f"of {planted} planted in what enters the port (mutants), each check caught: {caught}"


def _coverage(pair: PairForm) -> Iterator[tuple[str, str]]:
    covered = pair["coverage"]
    missing = ", ".join([*covered["not_compared"], *covered["drawn"]])
    every = "every output, every parameter's gradient" + (" and update" if "update" in covered["counts"] else "")
    yield "coverage", f"not compared: {missing}" if missing else every
    for reason, count in covered["left_out"].items():
        if count:
            why = LEFT_OUT.get(reason, reason).format(dtype=pair["dtype"])
            yield "", f"left out: {counted(count, 'entry', 'entries')} {why}"
    if covered["constants"]:
        yield "", f"constants of the reference, which no run changed: {', '.join(covered['constants'])}"
    if overwritten := covered.get("overwritten"):
        yield (
            "",
            f"written before it is read, so that nothing depends on it: {', '.join(overwritten)}",
        )
    if covered["frozen"]:
        yield "", f"second of two summed biases, frozen in training steps: {', '.join(covered['frozen'])}"
    if accepted := covered.get("accepted"):
        yield "", f"accepted, on one side alone, with the value that it has: {', '.join(accepted)}"
    if covered["uninformative"]:
        yield "", f"the same on every probe, so that agreeing there says little: {', '.join(covered['uninformative'])}"


def _sees(pair: PairForm, limits: list[float]) -> str:
    """The smallest relative differences that would have been a mismatch, and where none would."""
    unseen = [quantity for quantity in pair["quantities"] if blind(quantity)]
    text = f"relative differences from {number(limits[len(limits) // 2])} (median; worst {number(limits[-1])})"
    if not unseen:
        return text
    first = f"{unseen[0]['name']} on {unseen[0]['probe']}"
    rounding = counted(len(unseen), "quantity is", "quantities are")
    zero = f"{rounding} zero in the reference but for rounding"
    return f"{text}; {zero}: there only an absolute difference shows (first {first})"
