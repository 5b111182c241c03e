"""Where and why a pair differs, for a person at a terminal: the evidence for the answer, the tree of modules."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from compare.frameworks.islands.places import UNKNOWN
from compare.report.contract import BranchForm, CauseForm, DifferenceForm, ExplanationForm, Number, PairForm
from compare.report.pieces import INDENT, number, paragraph, show_table, table
from compare.verdict.counted import counted

MARKS = {
    "agrees": ("agrees", "green"),
    "introduced": ("INTRODUCED", "bold red"),
    "propagated": ("propagated", "yellow"),
    "not seen": ("", "dim"),
}
LISTED = 3  # quantities that still differ
SHOWN = 40  # rows of the tree; beyond, what agrees with all that is in it is summed up


def show_where(pair: PairForm, out: Console) -> None:
    """The paths and lines of both sides, the causes with their evidence, and the tree of modules."""
    explanation = pair["explanation"]
    if explanation is None:
        return
    for word, text in _evidence(pair, explanation):
        out.print(paragraph(word, Text(text)))
    if pair["tree"]:
        show_table(out, _tree(pair["tree"], gaps=True), _tree(pair["tree"], gaps=False))


def _evidence(pair: PairForm, explanation: ExplanationForm) -> Iterator[tuple[str, str]]:
    first = pair["first_difference"]
    if first:
        run = ", ".join(part for part in (first["probe"], first["mode"]) if part)
        yield "where", f"{first['quantity']}, on {run}: {explanation['size']}"
        if first["direction"] != "update":
            yield "", f"reference: {_at(first['reference'], first['place_reference'])}"
            yield "", f"port: {_at(first['port'], first['place_port'])}"
        if first["more"]:
            yield "", _more(first)
    for place, cause in enumerate(pair["causes"]):
        more = f", in {cause['places']} places" if cause["places"] > 1 else ""
        at = f"`{cause['where']}`{more}: " if cause["where"] else ""
        word = "why" if cause["certain"] else "seen"
        doubt = "" if cause["certain"] else "not certain: "
        told = place and cause["certain"] == pair["causes"][place - 1]["certain"]
        yield "" if told else word, f"{doubt}{at}{cause['text']} ({_shown(cause)})"
    if explanation["closed"]:
        yield "", _closing(explanation, sum(cause["certain"] for cause in pair["causes"]))
    known = [cause["text"] for cause in pair["causes"]]
    settings = [text for text in explanation["settings"] if text not in known]
    for word, texts in (("seen", explanation["observed"]), ("settings", settings)):
        for place, text in enumerate(texts):
            yield "" if place else word, text
    if not any(cause["certain"] for cause in pair["causes"]) and explanation["excluded"]:
        yield "excluded", f"as the only cause: {', '.join(explanation['excluded'])}"
    for note in explanation["notes"]:
        yield "note", note


def _closing(explanation: ExplanationForm, causes: int) -> str:
    """What is left of the pair's gaps, each by its own tolerance, and that something else is wrong where any is."""
    assert explanation["closed"] is not None
    before, after = explanation["closed"]
    taken = f"with {'that' if causes == 1 else 'all of that'} in the reference"
    if still := explanation["still_differ"]:
        names = f"{', '.join(still[:LISTED])}{', ...' if len(still) > LISTED else ''}"
        differ = counted(len(still), "quantity still differs", "quantities still differ")
        return f"{taken}, {differ} ({names}): something else is wrong too"
    return f"{taken}, the pair's worst quantity goes from {number(before)} to {number(after)}"


def _at(path: str, place: str) -> str:
    return f"{path or 'the whole model'}{f', {place}' if place and place != UNKNOWN else ''}"


def _more(first: DifferenceForm) -> str:
    if first["direction"] == "update":
        return counted(first["more"], "more quantity differs", "more quantities differ")
    return f"a difference also arises in {counted(first['more'], 'other place')}"


def _shown(cause: CauseForm) -> str:
    if cause["evidence"] == "read":
        return "read on both sides"
    read = "read on both sides, and tried" if cause["evidence"] == "both" else "tried"
    if (reopens := cause.get("reopens")) is not None:
        return f"{read}: without it {number(reopens)} is left, with it {number(cause['after'])}"
    return f"{read}: {number(cause['before'])} falls to {number(cause['after'])}"


def _tree(branches: list[BranchForm], gaps: bool) -> Table:
    rows = table()
    for head in ("module of the reference", "of the port", "forward", "backward"):
        rows.add_column(head, no_wrap=True)
    seen = [branch for branch in branches if branch["forward"] != "not seen" or branch["backward"] != "not seen"]
    groups = [[branch] for branch in seen] if len(seen) <= SHOWN else list(_alike(seen))
    paths = {branch["reference"] for branch in seen}
    for branch, *others in groups:
        name, depth = _placed(branch["reference"], paths)
        rows.add_row(
            Text(f"{INDENT * depth}{name or 'the model'}"),
            Text(branch["port"], style="dim"),
            _mark(branch["forward"], branch["gap_forward"] if gaps else 0.0),
            _mark(branch["backward"], branch["gap_backward"] if gaps else 0.0),
        )
        if others:
            depth = branch["reference"].count(".") + 1
            count = Text(f"{INDENT * depth}{len(others)} more", style="dim")
            rows.add_row(count, "", _mark(branch["forward"]), _mark(branch["backward"]))
    return rows


def _mark(state: str, gap: Number = 0.0) -> Text:
    word, style = MARKS[state]
    return Text(f"{word} {number(gap)}" if gap else word, style=style)


def _placed(path: str, paths: set[str]) -> tuple[str, int]:
    """The name of a module below the innermost one around it that is shown, and how deep that is."""
    parts = path.split(".") if path else []
    around = [".".join(parts[:n]) for n in range(1, len(parts)) if ".".join(parts[:n]) in paths]
    return (path[len(around[-1]) + 1 :] if around else path), len(around) + bool(path)


def _alike(branches: list[BranchForm]) -> Iterator[list[BranchForm]]:
    """Neighbours that are alike and introduce nothing, together; every other alone."""
    waiting: list[BranchForm] = []
    for branch in branches:
        states = (branch["forward"], branch["backward"])
        quiet = "introduced" not in states
        if waiting and not (quiet and states == (waiting[0]["forward"], waiting[0]["backward"])):
            yield waiting
            waiting = []
        if quiet:
            waiting.append(branch)
        else:
            yield [branch]
    if waiting:
        yield waiting
