"""Results for a person at a terminal, made from the form that JSON holds."""

import os
import sys
from contextlib import suppress
from typing import IO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from compare.report.answer import answer
from compare.report.certified import certificates
from compare.report.contract import Form, PairForm, VerifyForm
from compare.report.failure import wrong_weights
from compare.report.map_lines import show_map
from compare.report.mesh_lines import show_mesh
from compare.report.pieces import COLOUR, coloured, number, pairs_of_words, paragraph, show_table, table
from compare.report.process_lines import in_processes_in_words
from compare.report.unpadded import Unpadded
from compare.report.weight_lines import show_weights
from compare.report.where import show_where
from compare.report.worst import reasons, show_quantities
from compare.verdict.counted import counted

WIDTH = 120  # columns where nobody watches and nobody says otherwise
UNKNOWN = 80  # columns of a terminal that does not say
LEAST = 20  # columns below which lines are left to the terminal to break
READING = "jaxport read report explains each of these, and says when not to trust a verdict"
SHOWN = 12  # steps whose numbers are told


class Pipe(Console):
    """A console whose reader may go away, as ``head -1`` does: rich itself would end the process with exit code 1. What
    is left to say is said to nobody; what is left to do, files and an exit code of one's own, is done."""

    def on_broken_pipe(self) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


def console(file: IO[str] | None = None) -> Console:
    """A console that keeps one width where nobody watches, so that redirected output does not wrap at 80."""
    file = file or sys.stdout
    # Else rich would send everything to the notebook that it runs in, whatever the file.
    out = Pipe(file=file, width=_width(file), highlight=False, force_jupyter=False)
    out.push_render_hook(Unpadded())
    return out


def _width(file: IO[str]) -> int:
    """What COLUMNS says, if that is a number of columns; else the terminal's own, or one width where nobody watches."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isascii() and asked.isdigit() and int(asked) > 0:
        return max(int(asked), LEAST)
    if not file.isatty():
        return WIDTH
    with suppress(OSError):  # a terminal that is none to the system, as a test's
        return max(os.get_terminal_size(file.fileno()).columns or UNKNOWN, LEAST)
    return UNKNOWN


def show_verify(form: VerifyForm, out: Console, every: bool = False, explain: bool = False) -> None:
    """The verdict of each pair with its table and certificates; ``every`` lists each quantity on each probe,
    ``explain`` the weight map with the reason for each line."""
    for pair in form["pairs"]:
        _show_head(pair, out)
        if mesh := pair.get("mesh"):
            show_mesh(mesh, out)
        if processes := pair.get("processes"):
            out.print(paragraph("processes", in_processes_in_words(processes)))
        loader = pair.get("loader", [])
        for notice in loader:
            out.print(paragraph("notice", notice))
        if pair["verdict"] != "match":
            _show_answer(pair, out)
        show_where(pair, out)
        if explain:
            show_map(pair["weight_map"], out)
        show_quantities(pair, out, every)
        for reason in reasons(pair["quantities"]):
            out.print(paragraph("reason", reason))
        for word, text in certificates(pair):
            out.print(paragraph(word, text))
        weights = pair.get("weights")
        if weights:
            show_weights(weights, out)
        for notice in pair["notices"][len(loader) :]:  # which begin with those that lead the report
            out.print(paragraph("notice", notice))
        if pair is form["pairs"][-1]:
            out.print(paragraph("words", Text(READING, style="dim")))
        out.print(paragraph("verdict", coloured(pair["verdict"])))
        if pair["verdict"] != "match":  # again: the end of a long report is what is on the screen
            _show_answer(pair, out)
        if wrong := wrong_weights(pair):
            out.print(paragraph("weights", Text(wrong, style="bold")))
        out.print()


def _show_head(pair: PairForm, out: Console) -> None:
    """What was compared, where and how much of it."""
    counts = pair["coverage"]
    quantities = counted(len(pair["quantities"]), "quantity", "quantities")
    parameters, probes = counted(counts["parameters"], "parameter"), counted(len(counts["probes"]), "probe")
    out.print(Text.assemble((pair["pair"], "bold"), f": {pair['title']}"))
    out.print(Text(f"{pair['device']}, {pair['dtype']}, {parameters}, {quantities} on {probes}"))


def _show_answer(pair: PairForm, out: Console) -> None:
    out.print(paragraph("answer", Text(answer(pair), style="bold")))


def show_training(form: Form, out: Console) -> None:
    """One line for each epoch, then where, when and why the float32 runs drift apart."""
    steps = f"{counted(len(form['steps']), 'step')} of {counted(form['plan']['batch'], 'image')}"
    out.print(Text.assemble(("training", "bold"), f": {form['data']}, {steps}"))
    if form.get("recipe"):
        out.print(paragraph("recipe", f"{form['recipe']}: {form['trained_by']}"))
    show_table(out, _epochs(form, wide=True), _epochs(form, wide=False))
    if skipped := _skipped(form):
        out.print(paragraph("skipped", skipped))
    for word, text in form["drift"].items():
        out.print(paragraph(word, text))
    if form["first_failure"]:
        out.print(paragraph("first", form["first_failure"]))
    out.print(paragraph("words", Text(READING, style="dim")))
    out.print(paragraph("verdict", coloured(form["verdict"])))
    out.print()


def _skipped(form: Form) -> str:
    """Which float32 steps moved nothing, since a gradient of the scaled loss overflowed; empty where none was."""
    of = {side: [one["step"] for one in form["steps"] if one.get(f"skipped_{side}")] for side in ("reference", "port")}
    if not any(of.values()):
        return ""
    if of["reference"] == of["port"]:
        return f"the same {counted(len(of['port']), 'step')} on both sides: {_few(of['port'])}"
    by_side = "; ".join(f"by the {side}: {_few(steps) or 'none'}" for side, steps in of.items())
    apart = [one for one in form["steps"] if one["skipped_reference"] != one["skipped_port"]]
    judged = (
        ""
        if any(one["worst"] == "skip" for one in apart)
        else " (each at float16's edge, as the order of adding falls)"
    )
    return f"{by_side}{judged}"


def _few(steps: list[int]) -> str:
    """Their numbers, the first of many."""
    return ", ".join(map(str, steps[:SHOWN])) + (f" and {len(steps) - SHOWN} more" if len(steps) > SHOWN else "")


def _epochs(form: Form, wide: bool) -> Table:
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
    return rows


def show_environment(environment: Form, out: Console) -> None:
    """One line for each fact."""
    rows = pairs_of_words()
    for key, value in environment.items():
        if isinstance(value, dict):
            parts = (f"{k} {v:.1e}" if isinstance(v, float) else f"{k} {v}" for k, v in value.items())
            value = ", ".join(parts)
        rows.add_row(key, Text(str(value)))
    show_table(out, rows)


def _mean(steps: list[Form], key: str) -> float:
    return sum(float(step[key]) for step in steps) / len(steps)
