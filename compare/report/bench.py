"""The benchmark's table in the terminal."""

from rich.console import Console
from rich.text import Text

from compare.report.contract import Form
from compare.report.pieces import table
from compare.report.terminal import COLOUR, WIDE

WORDS = {"FAST": "green", "SLOW": "red", "SAME": "", "AMBIGUOUS": "yellow"}


def show_bench(form: Form, out: Console) -> None:
    """One line for each variant; what was not timed says why."""
    out.print(Text.assemble((form["pair"], "bold"), f": one training step, {form['title']}"))
    used = ", ".join(f"{side} {count:.2f}" for side, count in form["processors"].items())
    out.print(Text(f"{form['device']}, {form['threads']} thread(s) each (processors used: {used or 'not measured'}), "
                   f"{form['rounds']} rounds, interleaved, one process"))  # fmt: skip
    wide = out.width >= WIDE
    rows = table()
    for head in ("variant", "judged"):
        rows.add_column(head, no_wrap=True)
    for head in ("us/step", *(["quartiles"] if wide else []), "against eager", "compile s", "break-even"):
        rows.add_column(head, justify="right", no_wrap=True)
    for row in form["rows"]:
        judged = Text(row["verdict"], style=COLOUR[row["verdict"]])
        rows.add_row(Text(row["name"]), judged, *_numbers(row, wide))
    out.print(rows)
    for row in form["rows"]:
        if row["reason"]:
            out.print(Text(f"{row['name']}: {row['reason']}"))
    out.print(Text(f"lax.scan makes {form['steps_in_a_scan']} steps in one call: another question, in no ratio"))
    out.print(Text(f"noise: torch eager against itself leaves 1 by up to {form['noise']:.1%}"))


def headline(form: Form) -> str:
    """The benchmark in one line: every ratio there is."""
    said = [
        f"{row['name']} {row['against_eager']['value']:.2f} times torch eager's speed ({row['against_eager']['word']})"
        for row in form["rows"]
        if row["against_eager"] and not row["name"].endswith("again")
    ]
    return f"{'; '.join(said)}; noise {form['noise']:.1%}, {form['threads']} thread"


def _numbers(row: Form, wide: bool) -> list[Text]:
    if row["median"] is None:
        return [Text("not timed")]
    low, high = (f"{1e6 * value:,.0f}" for value in row["quartiles"])
    ratio, pays = row["against_eager"], row["break_even"]
    against = Text("")
    if ratio:
        interval = f" [{ratio['low']:.2f}, {ratio['high']:.2f}]" if wide else ""
        against = Text(f"{ratio['value']:.2f}{interval} {ratio['word']}", style=WORDS.get(ratio["word"], ""))
    even = "" if pays is None else "never" if pays == "inf" else f"{pays:,.0f} steps"
    quartiles = [Text(f"{low} to {high}")] if wide else []
    return [Text(f"{1e6 * row['median']:,.0f}"), *quartiles, against, Text(f"{row['compile']:.2f}"), Text(even)]
