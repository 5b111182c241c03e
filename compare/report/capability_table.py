"""What each way of differentiating can do, in the terminal."""

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from compare.report.beside import show_beside
from compare.report.contract import Form
from compare.report.pieces import COLOUR, show_table, table

STYLE = {"works": "green", "works with other code": "yellow", "raises": "red", "not run": "dim"}
TIME = "processor\ntime,\ntorch / JAX"  # a column that is left out where nothing was timed


def show_capabilities(form: Form, out: Console) -> None:
    """The table, if it was asked for, and what the plain way raised wherever it did."""
    rows = form["capabilities"]
    if not rows:
        return
    out.print()
    show_table(out, _table(rows, wide=True), _table(rows, wide=False))
    out.print()
    for row in rows:
        for side, name in (("reference", "PyTorch"), ("port", "JAX")):
            if message := row[side]["message"]:
                out.print(Text.assemble((f"{row['name']}, {name}: ", "bold"), message))
    out.print(Text(f"jaxport contrast {form['pair']} --row NAME shows the code of a row."))


def show_code(row: Form, out: Console) -> None:
    """One row with the code that ran last on each side."""
    out.print(Text.assemble((row["name"], "bold"), f": {row['title']}"))
    out.print()
    sides = [
        (f"{name}: {row[side]['outcome']}", row[side]) for side, name in (("reference", "PyTorch"), ("port", "JAX"))
    ]
    left, right = (
        (head, Syntax(cell["code"].rstrip(), "python", theme="ansi_light", word_wrap=True)) for head, cell in sides
    )
    show_beside(left, right, out)
    for head, cell in sides:
        if cell["message"]:
            what = "" if cell["outcome"] == "not run" else "the plain way raised "
            out.print(Text(f"{head.partition(':')[0]}: {what}{cell['message']}"))
    if row["verdict"]:
        out.print(Text(f"what both return: {row['verdict']}"))


def _table(rows: list[Form], wide: bool) -> Table:
    """Each side's outcome; ``wide``: with what the row is in words."""
    timed = any(row["ratio"] is not None for row in rows)
    head = ["way", *(["what"] if wide else []), "on", "PyTorch", "JAX", "values", *([TIME] if timed else [])]
    shown = table(*head)
    shown.columns[0].no_wrap = True
    if timed:
        shown.columns[-1].justify = "right"
    for row in rows:
        cells = [Text(row[side]["outcome"], style=STYLE[row[side]["outcome"]]) for side in ("reference", "port")]
        verdict = Text(row["verdict"], style=COLOUR.get(row["verdict"], ""))
        what = [Text(row["title"])] if wide else []
        ratio = [Text("" if row["ratio"] is None else f"{row['ratio']:.1f}x")] if timed else []
        on = Text("the pair" if row["on_pair"] else "a vector")
        shown.add_row(Text(row["name"]), *what, on, *cells, verdict, *ratio)
    return shown
