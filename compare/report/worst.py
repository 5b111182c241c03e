"""The table of quantities: each where it is worst, and of many the worst ten."""

import math
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from compare.report.contract import PairForm, QuantityForm
from compare.report.pieces import COLOUR, coloured, number, show_table, table
from compare.verdict.quantity import RULE_KIND

SEVERITY = list(COLOUR)
WORST = 10  # rows that are left of a table that is too long to be read
LISTED = 20  # rows up to which the table of a match is shown whole; names of a kind up to which each has its row
# Kinds whose matches are shown as one row: they are many and alike.
SUMMED_UP = ("by_hand", "trajectory", "optimizer", RULE_KIND)
BLIND = 1.0  # a detection limit from which on nothing is seen: the quantity itself could be missing

Row = tuple[str, QuantityForm]


def _limit(quantity: QuantityForm) -> float | str:
    return "nothing" if blind(quantity) else quantity["detection_limit"]


# The numbers of a row, each set with less than the one before: the first that has room is shown.
NUMBERS: dict[str, Callable[[QuantityForm], float | str]] = {
    "gap": lambda quantity: quantity["gap"],
    "allowed": lambda quantity: quantity["allowed"],
    "error ref": lambda quantity: quantity["error_reference"],
    "error port": lambda quantity: quantity["error_port"],
    "sees": _limit,
    "bits ref, port": lambda quantity: f"{quantity['bits_reference']:.1f}, {quantity['bits_port']:.1f}",
}
SHOWN = (tuple(NUMBERS), ("gap", "allowed", "bits ref, port"), ("gap", "allowed"))


def show_quantities(pair: PairForm, out: Console, every: bool) -> None:
    """One row a quantity, on the probe where it is worst; ``every`` lists each on each probe and folds nothing."""
    rows = list(_rows(pair["quantities"], every))
    kept = rows if every else _folded(rows, pair["verdict"])
    show_table(out, *(_table(kept, every, heads) for heads in SHOWN))
    if len(kept) < len(rows):
        others = f"the other {len(rows) - len(kept)}: {_count([row for row in rows if row not in kept])}"
        worst = f"the worst {len(kept)} of {len(rows)} rows, by verdict, then by gap / allowed"
        out.print(Text(f"{worst}; {others} (--every lists all)", style="dim"))


def blind(quantity: QuantityForm) -> bool:
    """Whether no relative difference would have shown: the quantity is rounding alone, zero on paper."""
    return float(quantity["detection_limit"]) >= BLIND


def reasons(quantities: Sequence[QuantityForm]) -> Iterator[str]:
    """Why, for what does not match and has a reason that its numbers do not show; each said once."""
    by_reason: dict[str, list[str]] = {}
    for quantity in quantities:
        if quantity["reason"] and quantity["verdict"] != "match":
            by_reason.setdefault(quantity["reason"], []).append(quantity["name"])
    for reason, names in by_reason.items():
        unique = list(dict.fromkeys(names))
        yield f"{unique[0]}{f' and {len(unique) - 1} more' if len(unique) > 1 else ''}: {reason}"


def _table(rows: Sequence[Row], every: bool, heads: Sequence[str]) -> Table:
    shown = table()
    for head in ("quantity", "probe" if every else "worst on", "verdict"):
        shown.add_column(head, no_wrap=True)
    for head in heads:
        shown.add_column(head, justify="right", no_wrap=True)
    for label, quantity in rows:
        verdict = coloured(quantity["verdict"] + (" (kink)" if quantity["kink"] else ""))
        numbers = (number(NUMBERS[head](quantity)) for head in heads)
        shown.add_row(Text(label), Text(quantity["probe"]), verdict, *numbers)
    return shown


def _rows(quantities: Sequence[QuantityForm], every: bool) -> Iterator[Row]:
    """Each quantity on the probe where it is worst, or on every one; the kinds with many rows as one."""
    if every:
        yield from ((quantity["name"], quantity) for quantity in quantities)
        return
    names: dict[str, set[str]] = {}
    for quantity in quantities:
        names.setdefault(quantity["kind"], set()).add(quantity["name"])
    many = {kind for kind, of_kind in names.items() if kind in SUMMED_UP or len(of_kind) > LISTED}
    groups: dict[tuple[str, bool], list[QuantityForm]] = {}
    for quantity in quantities:
        summed = quantity["kind"] in many and quantity["verdict"] == "match"
        groups.setdefault((quantity["kind"] if summed else quantity["name"], summed), []).append(quantity)
    for (name, summed), group in groups.items():
        yield f"{name} ({len(group)})" if summed else name, max(group, key=_badness)


def _folded(rows: list[Row], verdict: str) -> list[Row]:
    """The worst of ``rows``, the worst first, where there are more than are read."""
    if len(rows) <= (LISTED if verdict == "match" else WORST):
        return rows
    return sorted(rows, key=lambda row: _badness(row[1]), reverse=True)[:WORST]


def _count(rows: Sequence[Row]) -> str:
    """How many there are of each verdict, the worst first."""
    verdicts = [quantity["verdict"] for _, quantity in rows]
    return ", ".join(f"{verdicts.count(word)} {word}" for word in reversed(SEVERITY) if word in verdicts)


def _badness(quantity: QuantityForm) -> tuple[int, float]:
    """By verdict, then by how many times what is allowed the gap is; where nothing is, any gap is beyond all others."""
    gap, allowed = float(quantity["gap"]), float(quantity["allowed"])
    times = gap / allowed if allowed > 0 else math.inf if gap else 0.0
    return SEVERITY.index(quantity["verdict"]), math.inf if math.isnan(times) else times
