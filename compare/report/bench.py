"""The benchmark in the terminal: what may be quoted, the table, and what must stand beside it."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from compare.report.contract import Form
from compare.report.pieces import pairs_of_words, show_table, table
from compare.verdict.counted import counted
from compare.verdict.verdict import PASSED

ENOUGH = 3  # processes, of which an interval knows what differs from one to the next
DIFFERENT = ("mismatch", "invalid")  # another function; a row may be incomplete where a card is missing
WORDS = {"FAST": "green", "SLOW": "red", "SAME": "", "AMBIGUOUS": "yellow"}


def show_bench(form: Form, out: Console) -> None:
    """First what may be quoted, then one line for each row that was timed; what was not says why."""
    out.print(Text.assemble((form["pair"], "bold"), f": one training step, {form['title']}"))
    out.print(Text(_how(form)))
    if form["unpublished"]:
        out.print(Text(f"NO RATIO IS PUBLISHED: {form['unpublished']}", style="bold red"))
    if form["forced"]:
        out.print(Text("FORCED: rows that a gate stopped are timed too, and marked", style="bold red"))
    _show_headlines(form, out)
    show_table(out, _rows(form, wide=True), _rows(form, wide=False))
    for line in (*_remarks(form), *_floor(form)):
        out.print(Text(line))
    out.print(Text(_noise(form)))
    if form["processes"] < ENOUGH:
        processes = counted(form["processes"], "process", "processes")
        out.print(Text(f"{processes}: another one may differ by more than these intervals say"))
    if form["blind"]:
        out.print(Text("nobody tells here what else the machine does: a busy one would look quiet", style="bold red"))


def headline(form: Form) -> str:
    """The benchmark in one line: what may be quoted, or why nothing may."""
    ratios = [
        f"{one['row']} is {one['by_wall']['value']:.2f} times as fast as {one['baseline']} ({one['by_wall']['word']})"
        for one in form["headlines"]
    ]
    threads, rounds = counted(form["threads"], "thread"), counted(form["rounds"], "round")
    said = "; ".join(ratios) if ratios else f"no ratio is published: {form['unpublished'] or 'nothing was timed'}"
    noise = "" if form["noise"] is None else f"noise {form['noise']:.1%}, "
    return f"{said}; {noise}{threads}, {rounds}"


def differing(form: Form) -> list[str]:
    """The rows that are another function than torch eager."""
    return [row["name"] for row in form["rows"] if row["verdict"] in DIFFERENT]


def _how(form: Form) -> str:
    used = ", ".join(f"{side} {count:.2f}" for side, count in form["processors"].items())
    threads = f"{counted(form['threads'], 'thread')} each (processors used: {used or 'not measured'})"
    rows = f", batch {form['batch']}" if form["batch"] else ""
    many = f"{counted(form['rounds'], 'round')} in {counted(form['processes'], 'process', 'processes')}, interleaved"
    judged = "" if form["forced"] else "; every row judged equal before it was timed"
    return f"{form['device']}, {form['precision']}, {threads}{rows}, {many}{judged}"


def _noise(form: Form) -> str:
    again, kept = form["repeated"], form["blocks"]
    repeated = f"; {again:,} of {again + kept:,} blocks were disturbed and run again" if again else ""
    return "" if form["noise"] is None else f"{noise_text(form['noise'])}{repeated}"


def noise_text(noise: float) -> str:
    """What the A/A row shows."""
    return f"noise: torch eager against itself leaves 1 by up to {noise:.1%}"


def _show_headlines(form: Form, out: Console) -> None:
    for row in dict.fromkeys(one["row"] for one in form["headlines"]):
        lines = pairs_of_words()
        for one in form["headlines"]:
            if one["row"] == row:
                lines.add_row(Text(f"{one['against']} ({one['baseline']})"), _quotable(one, form["device"]))
        out.print(Text(f"XLA ({row}) against", style="bold"))
        out.print(lines)
    if form["headlines"]:
        out.print()


def _quotable(one: Form, device: str) -> Text:
    wall, processor = one["by_wall"], one["by_processor"]
    ratio = f"{wall['value']:.2f} times [{wall['low']:.2f}, {wall['high']:.2f}] "
    text = Text.assemble(ratio, (wall["word"], WORDS[wall["word"]]))
    if device == "cpu":  # beside a card's work the processors' time says nothing
        text.append(f"; by processor time {processor['value']:.2f} ").append(
            processor["word"], WORDS[processor["word"]]
        )
    return text


def _rows(form: Form, wide: bool) -> Table:
    """The rows that were timed, under what they answer."""
    rows = table()
    rows.add_column("one step a call", no_wrap=True)
    heads = ["us/step", *(["processor us"] if wide else []), "x floor", "against eager"]
    for head in (*heads, *(["compile s"] if wide else []), "break-even"):
        rows.add_column(head, justify="right", no_wrap=True)
    timed = [row for row in form["rows"] if row["median"] is not None]
    several = [row for row in timed if row["steps_per_call"] > 1]
    explains = [row for row in timed if row["explains"]]
    one_step = [row for row in timed if row not in (*several, *explains)]
    for heading, group in (
        ("", one_step),
        (f"{form['steps_in_a_scan']} steps a call", several),
        ("what jit removes", explains),
    ):
        if heading and group:
            rows.add_row()
            rows.add_row(Text(heading, style="bold"))
        for row in group:
            rows.add_row(Text(f"FORCED {row['name']}" if forced(row) else row["name"]), *_numbers(row, wide))
    return rows


def forced(row: Form) -> bool:
    """Whether it was timed all the same: another function, or one that a gate stopped."""
    return row["median"] is not None and (bool(row["stopped"]) or row["verdict"] not in PASSED)


def _numbers(row: Form, wide: bool) -> list[Text]:
    pays = row["break_even"]
    even = "" if pays is None else "never" if pays == "inf" else f"{rough(pays):,} steps"
    cells = [Text(f"{1e6 * row['median']:,.0f}")]
    cells += [Text(f"{1e6 * row['processor']['median']:,.0f}")] if wide else []
    cells += [Text("" if row["above_floor"] is None else f"{row['above_floor']:.2f}")]
    cells += [ratio_text(row["against_eager"], wide)]
    if wide:
        cells += [Text("" if row["compile"] is None else f"{row['compile']:.2f}")]
    return [*cells, Text(even)]


def rough(value: float) -> int:
    """Two digits: it hangs on one cold compilation."""
    return int(float(f"{value:.2g}"))


def ratio_text(ratio: Form | None, wide: bool = False) -> Text:
    """A ratio and its word, ``wide`` with its interval; nothing where there is none."""
    if not ratio:
        return Text("")
    interval = f" [{ratio['low']:.2f}, {ratio['high']:.2f}]" if wide else ""
    return Text(f"{ratio['value']:.2f}{interval} {ratio['word']}".rstrip(), style=WORDS.get(ratio["word"], ""))


def _remarks(form: Form) -> Iterator[str]:
    """What must stand beside the figures, and why some rows have none."""
    yield from stopped(form)
    for row in form["rows"]:
        yield from (f"{row['name']}: {mark}" for mark in row["marks"])
        if row["stages"]:
            yield f"{row['name']}: " + ", ".join(
                f"{stage} {1e3 * took:.0f} ms" for stage, took in row["stages"].items()
            )
    reasons: dict[str, list[str]] = {}
    for row in form["rows"]:
        if row["reason"]:
            reasons.setdefault(row["reason"], []).append(row["name"])
    for reason, names in reasons.items():
        yield f"not timed: {'; '.join(names)}: {reason}"
    if any(row["steps_per_call"] > 1 and row["median"] is not None for row in form["rows"]):
        yield "several steps in one call are another question, in no ratio with one step a call"


def stopped(form: Form) -> Iterator[str]:
    """What a gate said of a row that is not fair, and of what was timed all the same."""
    for row in form["rows"]:
        word = "stopped" if row["median"] is None else "FORCED"
        yield from (f"{row['name']}: {word}: {text}" for text in row["stopped"].values())
        if forced(row) and not row["stopped"]:
            yield f"{row['name']}: FORCED: {row['reason'] or row['verdict']}"


def _floor(form: Form) -> list[str]:
    if not form["floor"]:
        return []
    products = form["floors"][form["floor"]]["median"]
    copied = form["floors"].get("copy")
    copy = f"; a copy of the bytes it touches takes {1e6 * copied['median']:,.0f} us" if copied else ""
    of = "" if form["device"] == "gpu" else " of processor time"
    return [f"floor: the step's own {form['floor']}, {1e6 * products:,.0f} us{of}{copy}"]
