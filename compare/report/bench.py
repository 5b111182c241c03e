"""The benchmark's table in the terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from compare.report.contract import Form
from compare.report.pieces import coloured, show_table, table
from compare.verdict.counted import counted

WORDS = {"FAST": "green", "SLOW": "red", "SAME": "", "AMBIGUOUS": "yellow"}


def show_bench(form: Form, out: Console) -> None:
    """One line for each variant; what was not timed says why."""
    out.print(Text.assemble((form["pair"], "bold"), f": one training step, {form['title']}"))
    used = ", ".join(f"{side} {count:.2f}" for side, count in form["processors"].items())
    threads, rounds = counted(form["threads"], "thread"), counted(form["rounds"], "round")
    processors = f"processors used: {used or 'not measured'}"
    out.print(Text(f"{form['device']}, {threads} each ({processors}), {rounds}, interleaved, one process"))
    show_table(out, _variants(form, wide=True), _variants(form, wide=False))
    for row in form["rows"]:
        if row["reason"]:
            out.print(Text(f"{row['name']}: {row['reason']}"))
    out.print(Text(f"lax.scan makes {form['steps_in_a_scan']} steps in one call: another question, in no ratio"))
    out.print(Text(f"noise: torch eager against itself leaves 1 by up to {form['noise']:.1%}"))


def _variants(form: Form, wide: bool) -> Table:
    rows = table()
    for head in ("variant", "judged"):
        rows.add_column(head, no_wrap=True)
    for head in ("us/step", *(["quartiles"] if wide else []), "against eager", "compile s", "break-even"):
        rows.add_column(head, justify="right", no_wrap=True)
    for row in form["rows"]:
        rows.add_row(Text(row["name"]), coloured(row["verdict"]), *_numbers(row, wide))
    return rows


def headline(form: Form) -> str:
    """The benchmark in one line: every ratio there is."""
    said = [
        f"{row['name']} {row['against_eager']['value']:.2f} times torch eager's speed ({row['against_eager']['word']})"
        for row in form["rows"]
        if row["against_eager"] and not row["name"].endswith("again")
    ]
    threads, rounds = counted(form["threads"], "thread"), counted(form["rounds"], "round")
    return f"{'; '.join(said)}; noise {form['noise']:.1%}, {threads}, {rounds}"


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
