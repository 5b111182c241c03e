"""Results for a person at a terminal, made from the form that JSON holds."""

import os
import sys
from collections.abc import Iterator
from typing import IO, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

Form = dict[str, Any]

COLOUR = {
    "match": "green",
    "float32_only": "yellow",
    "incomplete": "yellow",
    "mismatch": "bold red",
    "invalid": "bold red",
}
SEVERITY = list(COLOUR)
SUMMED_UP = ("by_hand", "trajectory")  # kinds shown as one row: their quantities are many and alike
WIDTH = 120


def console(file: IO[str] | None = None) -> Console:
    """A console that keeps one width where nobody watches, so that redirected output does not wrap at 80."""
    file = file or sys.stdout
    return Console(file=file, width=None if file.isatty() or "COLUMNS" in os.environ else WIDTH, highlight=False)


def show_verify(form: Form, out: Console, every: bool = False) -> None:
    """The verdict of each pair with its table and certificates; ``every`` lists each quantity on each probe."""
    for pair in form["pairs"]:
        counts = pair["coverage"]
        out.print(Text.assemble((pair["pair"], "bold"), f": {pair['title']}"))
        out.print(
            f"{pair['device']}, {pair['dtype']}, {counts['parameters']:,} parameters, "
            f"{len(pair['quantities'])} quantities on {len(counts['probes'])} probes"
        )
        out.print(_quantities(pair["quantities"], every))
        for line in _certificates(pair):
            out.print(line)
        for notice in pair["notices"]:
            out.print(f"[yellow]notice[/] {_plain(notice)}")
        out.print(Text.assemble("verdict    ", _coloured(pair["verdict"])))
        out.print()


def _quantities(quantities: list[Form], every: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("quantity", overflow="fold")
    table.add_column("worst on")
    table.add_column("verdict")
    for head in ("gap", "allowed", "error ref", "error port", "bits ref/port", "sees"):
        table.add_column(head, justify="right")
    for label, where, one in _rows(quantities, every):
        table.add_row(
            label,
            where,
            _coloured(one["verdict"] + (" (kink)" if one["kink"] else "")),
            *(_number(one[key]) for key in ("gap", "allowed", "error_reference", "error_port")),
            f"{one['bits_reference']:.1f} / {one['bits_port']:.1f}",
            _number(one["detection_limit"]),
        )
        if one["reason"]:
            table.add_row(f"  {_plain(one['reason'])}")
    return table


def _rows(quantities: list[Form], every: bool) -> Iterator[tuple[str, str, Form]]:
    """Each quantity with the probe where it is worst, or on every one; the kinds with many rows as one."""
    if every:
        yield from ((one["name"], one["probe"], one) for one in quantities)
        return
    groups: dict[str, list[Form]] = {}
    for one in quantities:
        groups.setdefault(one["kind"] if one["kind"] in SUMMED_UP else one["name"], []).append(one)
    for name, group in groups.items():
        one = max(group, key=_badness)
        if name in SUMMED_UP:
            yield f"{name} ({len(group)})", one["name"].removeprefix(f"{name}/"), one
        else:
            yield name, one["probe"], one


def _badness(one: Form) -> tuple[int, float]:
    used = one["gap"] / one["allowed"] if isinstance(one["allowed"], float) and one["allowed"] > 0 else 0.0
    return SEVERITY.index(one["verdict"]), used


def _certificates(pair: Form) -> Iterator[str]:
    covered, bitten = pair["coverage"], pair["teeth"]
    missing = ", ".join(covered["not_compared"])
    text = f"not compared: {_plain(missing)}" if missing else "every parameter's gradient and update, every output"
    left = ", ".join(f"{count:,} {reason}" for reason, count in covered["left_out"].items() if count)
    yield f"coverage   {text}" + (f"; entries left out: {left}" if left else "")
    if covered["uninformative"]:
        yield f"           the same on every probe: {_plain(', '.join(covered['uninformative']))}"
    limits = [one["detection_limit"] for one in pair["quantities"] if isinstance(one["detection_limit"], float)]
    if limits:
        limits.sort()
        yield f"sees       relative differences from {limits[len(limits) // 2]:.1e} (median; worst {limits[-1]:.1e})"
    caught = ", ".join(f"{check} {len(names)}" for check, names in bitten["caught"].items())
    yield f"teeth      of {len(bitten['mutants'])} mutants of what enters the port, caught: {caught}"


def show_training(form: Form, out: Console) -> None:
    """One line for each epoch, then where, when and why the float32 runs drift apart."""
    plan = form["plan"]
    out.print(Text.assemble(("training", "bold"), f": {form['data']}, {len(form['steps'])} steps of {plan['batch']}"))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    heads = ("epoch", "loss ref", "loss port", "test ref", "test port", "matched", "sees")
    for head in (*heads, "drift float32", "reordering", "drift float64"):
        table.add_column(head, justify="right", no_wrap=True)
    for epoch in form["epochs"]:
        steps = [step for step in form["steps"] if step["epoch"] == epoch["epoch"]]
        matched = sum(step["verdict"] == "match" for step in steps)
        table.add_row(
            str(epoch["epoch"]),
            f"{_mean(steps, 'loss_reference'):.4f}",
            f"{_mean(steps, 'loss_port'):.4f}",
            f"{epoch['reference_32']:.1%}",
            f"{epoch['port_32']:.1%}",
            Text(f"{matched}/{len(steps)}", style=COLOUR["match" if matched == len(steps) else "mismatch"]),
            _number(max(step["sees"] for step in steps)),
            *(_number(steps[-1][key]) for key in ("drift_32", "envelope", "drift_64")),
        )
    out.print(table)
    for word, text in form["drift"].items():
        out.print(f"{word:<10} {text}", soft_wrap=False)
    if form["first_failure"]:
        out.print(f"[red]first failure[/] {_plain(form['first_failure'])}")
    out.print(Text.assemble("verdict    ", _coloured(form["verdict"])))
    out.print()


def show_environment(environment: Form, out: Console) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    for key, value in environment.items():
        if isinstance(value, dict):
            parts = (f"{k} {v:.1e}" if isinstance(v, float) else f"{k} {v}" for k, v in value.items())
            value = ", ".join(parts)
        table.add_row(key, _plain(str(value)))
    out.print(table)


def _mean(steps: list[Form], key: str) -> float:
    values = [step[key] for step in steps]
    return sum(values) / len(values) if all(isinstance(value, float) for value in values) else float("nan")


def _number(value: Any) -> str:
    return value if isinstance(value, str) else "0" if value == 0 else f"{value:.1e}"


def _coloured(verdict: str) -> Text:
    return Text(verdict, style=COLOUR[verdict.split()[0]])


def _plain(text: str) -> str:
    """A user's text is never markup."""
    return text.replace("[", r"\[")
