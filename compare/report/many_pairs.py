"""Many files in the terminal: one table, the worst first."""

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.text import Text

from compare.report.many_contract import ManyForm, OutcomeWord, RowForm
from compare.report.pieces import COLOUR, paragraph, show_table, table
from compare.verdict.counted import counted

# What became of a file, the better first.
OUTCOMES: Mapping[OutcomeWord, str] = {
    "match": COLOUR["match"],
    "float32_only": COLOUR["float32_only"],
    "no pair": "dim",
    "incomplete": COLOUR["incomplete"],
    "timed out": "bold red",
    "cannot start": "bold red",
    "crashed": "bold red",
    "mismatch": COLOUR["mismatch"],
    "invalid": COLOUR["invalid"],
}
FEW = 5  # names in a line


def worst_first(rows: Iterable[RowForm]) -> list[RowForm]:
    """By what became of them, then by name."""
    order = list(OUTCOMES)
    return sorted(rows, key=lambda row: (-order.index(row["outcome"]), row["name"]))


def counts(rows: Sequence[RowForm]) -> dict[OutcomeWord, int]:
    """How many of each outcome that there is, the better first."""
    found = [row["outcome"] for row in rows]
    return {word: found.count(word) for word in OUTCOMES if word in found}


def show_many(form: ManyForm, out: Console) -> None:
    """The table, where everything is, and what it comes to."""
    wide, narrow = table("verdict", "file", "seconds", "", "answer"), table("verdict", "file", "answer")
    for row in worst_first(form["rows"]):
        word, name = Text(row["outcome"], style=OUTCOMES[row["outcome"]]), Text(row["name"])
        text = Text("" if row["outcome"] == "match" else row["text"])
        wide.add_row(word, name, f"{row['seconds']:.1f}", Text("taken" if row["taken"] else "", style="dim"), text)
        narrow.add_row(word, name, text)
    show_table(out, wide, narrow)
    taken = sum(row["taken"] for row in form["rows"])
    out.print()
    if form["skipped"]:
        out.print(paragraph("skipped", f"{_named(form['skipped'])}: nothing in there makes a Pair"))
    out.print(paragraph("store", f"{form['store']}: {taken} of {counted(len(form['rows']), 'file')} taken from it"))
    out.print(paragraph("pages", form["index"]))
    out.print(paragraph("verdict", verdict_line(form)))


def verdict_line(form: ManyForm) -> Text:
    """How many of each, by name where they count against the whole."""
    text = Text()
    for word, count in reversed(counts(form["rows"]).items()):
        names = [row["name"] for row in form["rows"] if row["outcome"] == word and row["code"]]
        text.append("; " if text else "")
        text.append(f"{count:,} {word}", style=OUTCOMES[word])
        text.append(f" ({_named(names)})" if names else "")
    return text


def _named(names: Sequence[str]) -> str:
    rest = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return f"{', '.join(names[:FEW])}{rest}"
