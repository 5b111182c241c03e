"""The answer to "is my port the same function?" in a sentence, and what a test suite says where it is not."""

from compare.report.contract import PairForm, QuantityForm
from compare.report.failure import wrong_weights
from compare.report.process_lines import in_processes_in_words
from compare.verdict.counted import counted


def answer(pair: PairForm) -> str:
    """Where the port differs and why; else the first quantity that is as bad as the pair; that it is the same."""
    explanation, processes = pair["explanation"], pair.get("processes")
    if processes and processes["verdict"] == pair["verdict"] != processes["port"]:
        return in_processes_in_words(processes)
    if explanation and explanation["sentence"]:
        return explanation["sentence"]
    if pair["verdict"] != "match":
        return first_failure(pair)
    quantities, probes = len(pair["quantities"]), len(pair["coverage"]["probes"])
    many = "quantity on {} matches" if quantities == 1 else "quantities on {} match"
    return f"the port is the same function: {quantities:,} {many.format(counted(probes, 'probe'))}"


def complaint(pair: PairForm) -> str:
    """Where it differs first, and why, in one sentence; then the first quantity that is as bad as the pair, and by how
    much; and what is wrong with weights that were asked for."""
    explanation = pair["explanation"]
    wrong = f"weights: {own}" if (own := wrong_weights(pair)) else ""
    if wrong and pair["verdict"] == "match":
        return wrong
    sentence = explanation["sentence"] if explanation else ""
    return "\n".join(filter(None, [sentence, first_failure(pair), wrong]))


def first_failure(pair: PairForm) -> str:
    """The first quantity that is as bad as the pair, or what was not compared."""
    as_bad = [quantity for quantity in pair["quantities"] if quantity["verdict"] == pair["verdict"]]
    if as_bad and pair["verdict"] != "match":
        first, rest = as_bad[0], f"; {len(as_bad) - 1} more" if len(as_bad) > 1 else ""
        return f"{pair['verdict']}: {first['name']} on {first['probe']}: {_why(first)}{rest}"
    if left := (*pair["coverage"]["not_compared"], *pair["coverage"]["drawn"]):
        rest = f" and {len(left) - 3} more" if len(left) > 3 else ""
        return f"{pair['verdict']}: not compared: {', '.join(left[:3])}{rest}"
    return f"{pair['verdict']}: {'; '.join(pair['notices'])}"


def _why(quantity: QuantityForm) -> str:
    """The judge's reason, or by how much it differs, where, and what rounding explains."""
    gap, scale, allowed = (float(quantity[key]) for key in ("gap", "scale", "allowed"))
    size = f"relative difference {gap / scale:.1e}" if scale else f"difference {gap:.1e}"
    worst = quantity["worst"]
    where = f" at {worst['index']}" if worst else ""
    return quantity["reason"] or f"{size}{where}, where rounding explains {allowed / scale if scale else 0:.1e}"
