"""What the weights that a side came with are beside the other's, for a person at a terminal."""

from collections import Counter

from rich.console import Console
from rich.text import Text

from compare.report.contract import WeightLineForm, WeightsForm, WeightsOfPairForm
from compare.report.folded import FoldedLines, folded
from compare.report.pieces import paragraph
from compare.verdict.counted import counted
from compare.weights.own.line import OTHER, RIGHT

SHOWN = 10  # kinds of wrong lines below a verdict; the command lists all
UNSURE = "not sure"


def show_weights_of_pair(form: WeightsOfPairForm, out: Console) -> None:
    """All that ``jaxport weights`` says."""
    weights = form["weights"]
    out.print(Text.assemble((form["pair"], "bold"), f": {form['title']}"))
    for notice in form["loader"]:
        out.print(paragraph("notice", notice))
    show_weights(weights, out, every=True)
    out.print(paragraph("answer", Text(weights["answer"], style="bold")))
    out.print()


def show_weights(weights: WeightsForm, out: Console, every: bool = False) -> None:
    """How many arrays are what, and each wrong one; ``every`` leaves none out, and adds the right ones."""
    if not every:
        out.print(paragraph("weights", weights["answer"]))
    if not weights["judged"]:
        return _show_beside(weights, out)
    counts = Counter(
        line["kind"] if line.get("sure", True) or line["kind"] in RIGHT else UNSURE for line in weights["lines"]
    )
    if every:
        out.print(paragraph("weights", ", ".join(f"{count} {kind}" for kind, count in counts.items())))
    wrong = [line for line in weights["lines"] if line["kind"] not in RIGHT]
    kinds = folded(map(_foldable, wrong))
    for kind in kinds if every else kinds[:SHOWN]:
        _, sources, *text = kind.shown
        made_of = f"; from {sources}" if sources else ""
        out.print(paragraph("", f"{_which(kind)}: {''.join(text) or kind.text}{made_of}"))
    if not every and len(kinds) > SHOWN:
        out.print(paragraph("", f"and {counted(len(kinds) - SHOWN, 'more kind')}: jaxport weights lists all"))
    right = folded(_foldable(line) for line in weights["lines"] if line["kind"] in RIGHT) if every else []
    for kind in right:
        out.print(paragraph("", f"{_which(kind)}: {kind.text}"))
    return _show_beside(weights, out)


def _which(lines: FoldedLines) -> str:
    """The arrays that the lines are about."""
    return f"{lines.shown[0]}{f' ({len(lines.names)} of them)' if len(lines.names) > 1 else ''}"


def _show_beside(weights: WeightsForm, out: Console) -> None:
    for note in weights["notes"]:
        out.print(paragraph("", note))
    if left := weights["left_over"]:
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""
        out.print(paragraph("", f"left over, since the model has no such array: {', '.join(left[:5])}{more}"))


def _foldable(line: WeightLineForm) -> tuple[tuple[str, ...], str]:
    """Its names, another line's in the text among them, and the text."""
    names = (line["name"], ", ".join(line["sources"]))
    return ((*names, line["text"]), "") if line["kind"] == OTHER else (names, line["text"])
