"""A pair that fails, in a few plain lines: a test's failure text, and what is said beside the line of source."""

from collections.abc import Iterator

from compare.report.contract import CauseForm, PairForm
from compare.verdict.verdict import fails


def failed(pair: PairForm, strict: bool = False) -> bool:
    """What ``PairReport.failed`` says, of the form."""
    if wrong_weights(pair):
        return True
    toothless, lowered = bool(pair["teeth"]["toothless"]), bool(pair.get("lowered"))
    return fails(pair["verdict"], pair["precision"] is not None, toothless, strict, lowered)


def wrong_weights(pair: PairForm) -> str:
    """What is wrong with weights that were asked for; empty where nothing is, or nobody asked."""
    weights = pair.get("weights")
    return weights["answer"] if weights and weights["asked"] and not weights["right"] else ""


def cause_lines(pair: PairForm) -> Iterator[str]:
    """Each cause, with the module it is in, and the lines of both sides' source where the pair first differs."""
    for cause in pair["causes"]:
        yield f"{'why' if cause['certain'] else 'seen, not certain'}: {cause_text(cause)}"
    if first := pair["first_difference"]:
        places = {"port": first["place_port"], "reference": first["place_reference"]}
        if shown := ", ".join(f"{side} {place}" for side, place in places.items() if place):
            yield f"at: {shown}"


def cause_text(cause: CauseForm) -> str:
    """One cause in one line."""
    more = f", in {cause['places']} places" if cause["places"] > 1 else ""
    at = f"`{cause['where']}`{more}: " if cause["where"] else ""
    return f"{at}{cause['text']}"


def place_to_mend(pair: PairForm) -> tuple[str, int] | None:
    """File and line of the user's source where the pair first differs: the port's, or else the reference's; None where
    neither is known. The file is relative to the working folder where it lies below it."""
    first = pair["first_difference"]
    for place in (first["place_port"], first["place_reference"]) if first else ():
        file, colon, line = place.rpartition(":")
        if colon and line.isdecimal():
            return file, int(line)
    return None
