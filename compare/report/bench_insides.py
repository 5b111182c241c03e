"""What each row's step is made of, and where its time goes, in the terminal. A result with neither shows neither."""

from collections.abc import Callable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from compare.report.bench import forced
from compare.report.contract import Form
from compare.report.pieces import number, show_table, table

PARTS = {  # of a step's time, in the order in which they are drawn
    "products": "products",
    "others": "other kernels",
    "dispatch": "dispatch",
    "gaps": "gaps",
}
WHAT_COUNTS_ARE = (
    "Operations are as the step is written, kernels as it is compiled; MFLOP are twice the multiply-adds of its "
    "products by one formula, beside them what XLA counts in its program and torch in what it dispatches; memory is "
    "that of parameters, optimizer state, a call's batches and what a call makes meanwhile."
)
WHAT_PARTS_ARE = (
    "Products are the library's matrix products; other kernels are fusions and single operations, of torch's compiler "
    "with the code that calls them; dispatch is the host preparing calls while no kernel runs; in gaps no kernel runs "
    "though all calls are made. Kernels are as long as a profile shows them, the step is as long as it is unwatched."
)
DISTURBED = "The run was not fit for a ratio: these parts are no figures to quote either."


def show_insides(form: Form, out: Console) -> None:
    """Both tables, and what their columns are."""
    if any(row.get("counts") for row in form["rows"]):
        out.print()
        _show_counts(form, out)
    if timed := with_time_spent(form):
        out.print()
        _show_spent(timed, out)
        slowed = max(row["spent"]["slowed"] for row in timed)
        out.print(Text(f"{WHAT_PARTS_ARE} Profiling slowed a step by up to {slowed:.2f} times."))
        if form["unpublished"]:
            out.print(Text(DISTURBED, style="bold red"))


def with_time_spent(form: Form) -> list[Form]:
    """The rows whose time is known to go somewhere."""
    return [row for row in form["rows"] if row["median"] is not None and row.get("spent")]


def row_name(row: Form) -> str:
    """A row by name; what was timed against its gates is stamped."""
    return f"FORCED {row['name']}" if forced(row) else str(row["name"])


def _show_counts(form: Form, out: Console) -> None:
    counted = [row for row in form["rows"] if row.get("counts")]
    show_table(out, _counts(counted, list(COUNTS)), _counts(counted, NARROW))
    out.print(Text(WHAT_COUNTS_ARE))


def _counts(counted: list[Form], heads: list[str]) -> Table:
    rows = table()
    rows.add_column("what a step is made of", no_wrap=True)
    for head in heads:
        rows.add_column(head, justify="right", overflow="fold")
    for row in counted:
        rows.add_row(Text(row_name(row)), *(COUNTS[head](row["counts"]) for head in heads))
    return rows


def _number(key: str, unit: float = 1.0) -> Callable[[Form], str]:
    """A whole number, or in millions with a digit behind the point, two digits of what is small."""

    def cell(counts: Form) -> str:
        if (value := counts[key]) is None:
            return ""
        whole = unit == 1.0 or value >= 1000 * unit
        return f"{value / unit:,.0f}" if whole else f"{value / unit:.1f}" if value >= unit else f"{value / unit:.2g}"

    return cell


COUNTS: dict[str, Callable[[Form], str]] = {
    "operations": _number("operations"),
    "kernels": _number("kernels"),
    "MFLOP": _number("flops", 1e6),
    "its own count": _number("flops_counted", 1e6),
    "MB at peak": _number("memory", 1e6),
    "graph breaks": lambda counts: str(counts["breaks"]) if counts["graphs"] else "",
    "recompiled": _number("recompiles"),
}
NARROW = [head for head in COUNTS if head not in ("its own count", "graph breaks")]  # a mark says the breaks too


def _show_spent(timed: list[Form], out: Console) -> None:
    show_table(out, _spent(timed, wide=True), _spent(timed, wide=False))


def _spent(timed: list[Form], wide: bool) -> Table:
    rows = table()
    rows.add_column("where the time goes", no_wrap=True)
    for head in ("us/step", *PARTS.values(), *(["gradient's error"] if wide else [])):
        rows.add_column(head, justify="right", overflow="fold")
    for row in timed:
        parts = (f"{1e6 * row['median'] * row['spent'][part]:,.0f}" for part in PARTS)
        error = "" if row["gradient_error"] is None else number(row["gradient_error"])
        cells = [f"{1e6 * row['median']:,.0f}", *parts, *([error] if wide else [])]
        rows.add_row(Text(row_name(row)), *cells)
    return rows
