"""Results for a person at a terminal, made from the form that JSON holds."""

import os
import sys
from collections.abc import Callable, Iterator
from typing import IO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from compare.report.contract import Form, Number, PairForm, QuantityForm, VerifyForm
from compare.report.pieces import number, paragraph, table
from compare.report.where import show_where

COLOUR = {
    "match": "green",
    "float32_only": "yellow",
    "incomplete": "yellow",
    "mismatch": "bold red",
    "invalid": "bold red",
}
SEVERITY = list(COLOUR)
LISTED = 20  # names of one kind up to which each match has its row
SUMMED_UP = ("by_hand", "trajectory", "optimizer")  # kinds whose matches are shown as one row: they are many and alike
WIDTH = 120
WIDE = 105  # columns from which every number has room
# The numbers of a row; where there is room, all of them.
NUMBERS: dict[str, Callable[[QuantityForm], Number]] = {
    "gap": lambda quantity: quantity["gap"],
    "allowed": lambda quantity: quantity["allowed"],
    "error ref": lambda quantity: quantity["error_reference"],
    "error port": lambda quantity: quantity["error_port"],
    "sees": lambda quantity: quantity["detection_limit"],
}
NARROW = ("gap", "allowed")


class Pipe(Console):
    """A console whose reader may go away: rich itself would end the process with exit code 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console(file: IO[str] | None = None) -> Console:
    """A console that keeps one width where nobody watches, so that redirected output does not wrap at 80."""
    file = file or sys.stdout
    width = None if file.isatty() or "COLUMNS" in os.environ else WIDTH
    # Else rich would send everything to the notebook that it runs in, whatever the file.
    return Pipe(file=file, width=width, highlight=False, force_jupyter=False)


def fits(rows: Table, out: Console) -> bool:
    """Whether no cell of the table would be broken."""
    return out.measure(rows, options=out.options.update(max_width=10_000)).maximum <= out.width


def show_verify(form: VerifyForm, out: Console, every: bool = False, explain: bool = False) -> None:
    """The verdict of each pair with its table and certificates; ``every`` lists each quantity on each probe,
    ``explain`` the weight map with the reason for each line."""
    for pair in form["pairs"]:
        counts = pair["coverage"]
        out.print(Text.assemble((pair["pair"], "bold"), f": {pair['title']}"))
        run = f"{pair['device']}, {pair['dtype']}, {counts['parameters']:,} parameters"
        out.print(Text(f"{run}, {len(pair['quantities'])} quantities on {len(counts['probes'])} probes"))
        show_where(pair, out)
        if explain:
            for line in pair["weight_map"]:
                out.print(paragraph("map", line))
        full = _quantities(pair["quantities"], every, wide=True)
        out.print(full if fits(full, out) else _quantities(pair["quantities"], every, wide=False))
        for reason in _reasons(pair["quantities"]):
            out.print(paragraph("reason", reason))
        for word, text in _certificates(pair):
            out.print(paragraph(word, text))
        for notice in pair["notices"]:
            out.print(paragraph("notice", notice))
        out.print(paragraph("verdict", coloured(pair["verdict"])))
        out.print()


def _quantities(quantities: list[QuantityForm], every: bool, wide: bool) -> Table:
    rows = table("quantity", "probe" if every else "worst on", "verdict")
    numbers = NUMBERS if wide else {head: NUMBERS[head] for head in NARROW}
    for head in numbers:
        rows.add_column(head, justify="right", no_wrap=True)
    rows.add_column("bits ref, port", justify="right", no_wrap=True)
    for label, quantity in _rows(quantities, every):
        verdict = quantity["verdict"] + (" (kink)" if quantity["kink"] else "")
        bits = f"{quantity['bits_reference']:.1f}, {quantity['bits_port']:.1f}"
        shown = [number(value(quantity)) for value in numbers.values()]
        rows.add_row(Text(label), Text(quantity["probe"]), coloured(verdict), *shown, bits)
    return rows


def _rows(quantities: list[QuantityForm], every: bool) -> Iterator[tuple[str, QuantityForm]]:
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


def _badness(quantity: QuantityForm) -> tuple[int, float]:
    gap, allowed = float(quantity["gap"]), float(quantity["allowed"])
    return SEVERITY.index(quantity["verdict"]), gap / allowed if allowed > 0 else 0.0


def _reasons(quantities: list[QuantityForm]) -> Iterator[str]:
    """Why, for what does not match and has a reason that its numbers do not show; each said once."""
    by_reason: dict[str, list[str]] = {}
    for quantity in quantities:
        if quantity["reason"] and quantity["verdict"] != "match":
            by_reason.setdefault(quantity["reason"], []).append(quantity["name"])
    for reason, names in by_reason.items():
        unique = list(dict.fromkeys(names))
        yield f"{unique[0]}{f' and {len(unique) - 1} more' if len(unique) > 1 else ''}: {reason}"


def _certificates(pair: PairForm) -> Iterator[tuple[str, str]]:
    covered, bitten = pair["coverage"], pair["teeth"]
    missing = ", ".join([*covered["not_compared"], *covered["drawn"]])
    every = "every output, every parameter's gradient" + (" and update" if "update" in covered["counts"] else "")
    text = f"not compared: {missing}" if missing else every
    left = ", ".join(f"{count:,} {reason}" for reason, count in covered["left_out"].items() if count)
    yield "coverage", text + (f"; entries left out: {left}" if left else "")
    if covered["constants"]:
        yield "", f"constants of the reference, which no run changed: {', '.join(covered['constants'])}"
    if covered["frozen"]:
        yield "", f"second of two summed biases, frozen in training steps: {', '.join(covered['frozen'])}"
    if covered["uninformative"]:
        yield "", f"the same on every probe: {', '.join(covered['uninformative'])}"
    limits = sorted(limit for quantity in pair["quantities"] if isinstance(limit := quantity["detection_limit"], float))
    if limits:
        yield "sees", f"relative differences from {limits[len(limits) // 2]:.1e} (median; worst {limits[-1]:.1e})"
    caught = ", ".join(f"{check} {len(names)}" for check, names in bitten["caught"].items())
    if envelope := pair["envelope"]:
        yield (
            "drift",
            f"{number(envelope['drift'])} of the parameters' change in {envelope['steps']} steps at {pair['dtype']}; "
            f"the reference against itself, {envelope['by']}: {number(envelope['noise'])}",
        )
    if bitten["mutants"]:
        yield "teeth", f"of {len(bitten['mutants'])} mutants of what enters the port, caught: {caught}"


def show_training(form: Form, out: Console) -> None:
    """One line for each epoch, then where, when and why the float32 runs drift apart."""
    plan = form["plan"]
    out.print(Text.assemble(("training", "bold"), f": {form['data']}, {len(form['steps'])} steps of {plan['batch']}"))
    wide = out.width >= WIDE
    rows = table()
    heads = ("epoch", "loss ref", "port", "test ref", "port", "matched", "drift f32", "drift f64")
    for head in (*heads, *(("reordering", "sees") if wide else ())):
        rows.add_column(head, justify="right", no_wrap=True)
    for epoch in form["epochs"]:
        steps = [step for step in form["steps"] if step["epoch"] == epoch["epoch"]]
        matched = sum(step["verdict"] == "match" for step in steps)
        last = [number(steps[-1][key]) for key in ("drift_32", "drift_64", "envelope")]
        rows.add_row(
            str(epoch["epoch"]),
            f"{_mean(steps, 'loss_reference'):.4f}",
            f"{_mean(steps, 'loss_port'):.4f}",
            f"{epoch['reference_32']:.1%}",
            f"{epoch['port_32']:.1%}",
            Text(f"{matched}/{len(steps)}", style=COLOUR["match" if matched == len(steps) else "mismatch"]),
            *(last if wide else last[:2]),
            *((number(max(float(step["sees"]) for step in steps)),) if wide else ()),
        )
    out.print(rows)
    for word, text in form["drift"].items():
        out.print(paragraph(word, text))
    if form["first_failure"]:
        out.print(paragraph("first", form["first_failure"]))
    out.print(paragraph("verdict", coloured(form["verdict"])))
    out.print()


def show_environment(environment: Form, out: Console) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for key, value in environment.items():
        if isinstance(value, dict):
            parts = (f"{k} {v:.1e}" if isinstance(v, float) else f"{k} {v}" for k, v in value.items())
            value = ", ".join(parts)
        table.add_row(key, Text(str(value)))
    out.print(table)


def _mean(steps: list[Form], key: str) -> float:
    return sum(float(step[key]) for step in steps) / len(steps)


def coloured(verdict: str) -> Text:
    return Text(verdict, style=COLOUR[verdict.split()[0]])
