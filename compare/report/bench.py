"""The benchmark's table in the terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from compare.report.contract import Form
from compare.report.pieces import coloured, show_table, table
from compare.verdict.counted import counted

WORDS = {"FAST": "green", "SLOW": "red", "SAME": "", "AMBIGUOUS": "yellow"}


def show_bench(form: Form, out: Console) -> None:
    """One line for each row; what was not timed says why."""
    out.print(Text.assemble((form["pair"], "bold"), f": one training step, {form['title']}"))
    out.print(Text(_how(form)))
    if form["unpublished"]:
        out.print(Text(f"NO RATIO IS PUBLISHED: {form['unpublished']}", style="bold red"))
    if form["forced"]:
        out.print(Text("FORCED: rows that a gate stopped are timed too, and marked", style="bold red"))
    show_table(out, _rows(form, wide=True), _rows(form, wide=False))
    for row in form["rows"]:
        for line in _remarks(row):
            out.print(Text(f"{row['name']}: {line}"))
    several = [row["name"] for row in form["rows"] if row["steps_per_call"] > 1]
    if several:
        question = "another question, in no ratio with one step a call"
        out.print(Text(f"{', '.join(several)}: {form['steps_in_a_scan']} steps in one call: {question}"))
    for line in _floor(form):
        out.print(Text(line))
    repeated = f"; {counted(form['repeated'], 'disturbed round')} run again" if form["repeated"] else ""
    out.print(Text(f"noise: torch eager against itself leaves 1 by up to {form['noise']:.1%}{repeated}"))


def headline(form: Form) -> str:
    """The benchmark in one line: every ratio there is, or why there is none."""
    ratios = [
        f"{row['name']} {row['against_eager']['value']:.2f} times torch eager's speed ({row['against_eager']['word']})"
        for row in form["rows"]
        if row["against_eager"] and row["against_eager"]["word"]
    ]
    threads, rounds = counted(form["threads"], "thread"), counted(form["rounds"], "round")
    said = "; ".join(ratios) if ratios else f"no ratio is published: {form['unpublished'] or 'nothing was timed'}"
    return f"{said}; noise {form['noise']:.1%}, {threads}, {rounds}"


def _how(form: Form) -> str:
    used = ", ".join(f"{side} {count:.2f}" for side, count in form["processors"].items())
    threads = f"{counted(form['threads'], 'thread')} each (processors used: {used or 'not measured'})"
    many = f"{counted(form['rounds'], 'round')} in {counted(form['processes'], 'process', 'processes')}, interleaved"
    return f"{form['device']}, {form['precision']}, {threads}, {form['batches']} batches, {many}"


def _rows(form: Form, wide: bool) -> Table:
    rows = table()
    for head in ("row", "judged") if wide else ("row",):
        rows.add_column(head, no_wrap=True)
    heads = ["us/step", *(["quartiles", "processor us"] if wide else []), "against eager"]
    heads += [*(["by processor", "x floor"] if wide else []), "compile s", "break-even"]
    for head in heads:
        rows.add_column(head, justify="right", no_wrap=True)
    for row in form["rows"]:
        verdict = Text("stopped", style="red") if row["stopped"] else coloured(row["verdict"])
        cells = [Text("not timed") if wide else verdict] if row["median"] is None else _numbers(row, wide)
        rows.add_row(Text(row["name"]), *([verdict] if wide else []), *cells)
    return rows


def _numbers(row: Form, wide: bool) -> list[Text]:
    low, high = (f"{1e6 * value:,.0f}" for value in row["quartiles"])
    pays = row["break_even"]
    even = "" if pays is None else "never" if pays == "inf" else f"{pays:,.0f} steps"
    cells = [Text(f"{1e6 * row['median']:,.0f}")]
    cells += [Text(f"{low} to {high}"), Text(f"{1e6 * row['processor']['median']:,.0f}")] if wide else []
    cells += [_ratio(row["against_eager"], wide)]
    if wide:
        above = "" if row["above_floor"] is None else f"{row['above_floor']:.2f}"
        cells += [_ratio(row["by_processor"], False), Text(above)]
    return [*cells, Text(f"{row['compile']:.2f}"), Text(even)]


def _ratio(ratio: Form | None, wide: bool) -> Text:
    if not ratio:
        return Text("")
    interval = f" [{ratio['low']:.2f}, {ratio['high']:.2f}]" if wide else ""
    return Text(f"{ratio['value']:.2f}{interval} {ratio['word']}", style=WORDS.get(ratio["word"], ""))


def _remarks(row: Form) -> list[str]:
    """Why it was not timed, what stopped it, and what must stand beside its figures."""
    why = [f"not timed: {row['reason']}"] if row["reason"] else []
    stopped = [f"{'stopped' if row['median'] is None else 'FORCED'}: {text}" for text in row["stopped"].values()]
    explains = ["explains what jit removes; in no ratio"] if row["explains"] else []
    return [*why, *stopped, *explains, *row["marks"]]


def _floor(form: Form) -> list[str]:
    if not form["floor"]:
        return []
    products = form["floors"][form["floor"]]["median"]
    copied = form["floors"].get("copy")
    copy = f", a copy of the bytes it touches {1e6 * copied['median']:,.0f} us" if copied else ""
    return [f"floor: the step's own {form['floor']}, {1e6 * products:,.0f} us of processor time{copy}"]
