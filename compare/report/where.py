"""Where and why a pair differs, for a person at a terminal: the answer in one sentence, then the evidence."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from compare.report.pieces import number, paragraph, table

Form = dict[str, Any]

MARKS = {
    "agrees": ("agrees", "green"),
    "introduced": ("INTRODUCED", "bold red"),
    "propagated": ("propagated", "yellow"),
    "not seen": ("", "dim"),
}
SHOWN = 40  # rows of the tree; beyond, what agrees with all that is in it is summed up
INDENT = "  "


def show_where(pair: Form, out: Console) -> None:
    """The sentence, the paths and lines of both sides, the causes with their evidence, and the tree of modules."""
    explanation = pair["explanation"]
    if explanation is None:
        return
    if explanation["sentence"]:
        out.print(paragraph("answer", Text(explanation["sentence"], style="bold")))
    for word, text in _evidence(pair, explanation):
        out.print(paragraph(word, Text(text)))
    if pair["tree"]:
        out.print(_tree(pair["tree"]))


def _evidence(pair: Form, explanation: Form) -> Iterator[tuple[str, str]]:
    first = pair["first_difference"]
    if first:
        run = ", ".join(part for part in (first["probe"], first["mode"]) if part)
        yield "where", f"{first['quantity']}, on {run}: {explanation['size']}"
        for side in ("reference", "port"):
            place = first[f"place_{side}"]
            if first["direction"] != "update":
                yield "", f"{side}: {first[side] or 'the whole model'}{f', {place}' if place else ''}"
        if first["more"]:
            yield "", _more(first)
    for place, cause in enumerate(pair["causes"]):
        more = f", in {cause['places']} places" if cause["places"] > 1 else ""
        at = f"`{cause['where']}`{more}: " if cause["where"] else ""
        yield "" if place else "why", f"{at}{cause['text']} ({_shown(cause)})"
    if explanation["closed"]:
        before, after = explanation["closed"]
        yield (
            "",
            (
                f"with {'that' if len(pair['causes']) == 1 else 'all of that'} in the reference, the pair's worst "
                f"quantity goes from {number(before)} to {number(after)}"
            ),
        )
    known = [cause["text"] for cause in pair["causes"]]
    settings = [text for text in explanation["settings"] if text not in known]
    for word, texts in (("seen", explanation["observed"]), ("settings", settings)):
        for place, text in enumerate(texts):
            yield "" if place else word, text
    if not pair["causes"] and explanation["excluded"]:
        yield "excluded", ", ".join(explanation["excluded"])
    for note in explanation["notes"]:
        yield "note", note


def _more(first: Form) -> str:
    count, many = first["more"], first["more"] > 1
    if first["direction"] == "update":
        return f"{count} more {'quantities differ' if many else 'quantity differs'}"
    return f"a difference also arises in {count} other {'places' if many else 'place'}"


def _shown(cause: Form) -> str:
    if cause["evidence"] == "read":
        return "read on both sides"
    read = "read on both sides, and tried" if cause["evidence"] == "both" else "tried"
    return f"{read}: {number(cause['before'])} falls to {number(cause['after'])}"


def _tree(branches: list[Form]) -> Table:
    rows = table("module of the reference", "of the port")
    for head in ("forward", "backward"):
        rows.add_column(head, no_wrap=True)
    seen = [branch for branch in branches if branch["forward"] != "not seen" or branch["backward"] != "not seen"]
    shown = seen if len(seen) <= SHOWN else list(_summed_up(seen))
    paths = {branch["reference"] for branch in seen}
    for branch in shown:
        if "count" in branch:
            rows.add_row(
                Text(f"{INDENT * branch['depth']}{branch['count']} more", style="dim"),
                "",
                *[_mark(branch, way) for way in ("forward", "backward")],
            )
            continue
        name, depth = _placed(branch["reference"], paths)
        rows.add_row(
            Text(f"{INDENT * depth}{name or 'the model'}"),
            Text(branch["port"], style="dim"),
            _mark(branch, "forward"),
            _mark(branch, "backward"),
        )
    return rows


def _mark(branch: Form, way: str) -> Text:
    word, style = MARKS[branch[way]]
    gap = branch.get(f"gap_{way}", 0.0)
    return Text(f"{word} {number(gap)}" if gap else word, style=style)


def _placed(path: str, paths: set[str]) -> tuple[str, int]:
    """The name of a module below the innermost one around it that is shown, and how deep that is."""
    parts = path.split(".") if path else []
    around = [".".join(parts[:n]) for n in range(1, len(parts)) if ".".join(parts[:n]) in paths]
    return (path[len(around[-1]) + 1 :] if around else path), len(around) + bool(path)


def _summed_up(branches: list[Form]) -> Iterator[Form]:
    """Neighbours that are alike and introduce nothing as one row."""
    waiting: list[Form] = []
    for branch in [*branches, None]:
        alike = branch is not None and waiting and all(branch[w] == waiting[0][w] for w in ("forward", "backward"))
        quiet = branch is not None and "introduced" not in (branch["forward"], branch["backward"])
        if waiting and not (alike and quiet):
            yield waiting[0]
            if len(waiting) > 1:
                depth = waiting[0]["reference"].count(".") + 1
                yield {**waiting[0], "count": len(waiting) - 1, "depth": depth, "gap_forward": 0.0, "gap_backward": 0.0}
            waiting = []
        if branch is not None:
            if quiet:
                waiting.append(branch)
            else:
                yield branch
