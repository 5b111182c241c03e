"""What tape and function cost, in the terminal: bytes, activations made again, what compilers left of it, time."""

from collections import Counter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from compare.measure.contrast.fates import KINDS
from compare.report.contract import Form
from compare.report.pieces import show_table, table
from compare.verdict.counted import counted

NAMED = 4  # operations that a cell names


def show_costs(form: Form, out: Console) -> None:
    """The tables, where costs were asked for."""
    if not form["costs"]:
        return
    show_table(out, _costs(form))
    out.print()
    if form["costs"].get("checkpoints"):
        show_table(out, _again(form["costs"]))
        out.print()
    if form.get("fates"):
        show_table(out, _fates(form))
        out.print()


def _again(costs: Form) -> Table:
    """Bytes by what is made again."""
    shown = table("made again in the backward pass", "tape", "jax.vjp, op by op", "jax.jit at most")
    for column in shown.columns[1:]:
        column.justify = "right"
    for row in costs["checkpoints"]:
        counts = [row[key] for key in ("tape", "residuals", "temporaries")]
        shown.add_row(row["what"], *("raises" if count is None else f"{count:,}" for count in counts))
    return shown


def _fates(form: Form) -> Table:
    """What became of each operation, by kind, on both sides."""
    reference, port = form["fates"]
    shown = table("what compilers made of", "torch.compile: operations", "jax.jit: equations")
    shown.add_row("traced", *(one["message"] or f"{one['traced']}" for one in (reference, port)))
    for kind, words in KINDS.items():
        cells = [one["by_kind"].get(kind, ()) for one in (reference, port)]
        if any(cells):
            shown.add_row(words, *(Text(f"{len(names)}: {_most(names)}" if names else "") for names in cells))
    shown.add_row(
        "kernels that a call runs",
        *("" if one["kernels"] is None else f"{one['kernels']}" for one in (reference, port)),
    )
    return shown


def _most(names: list[str]) -> str:
    counts = Counter(names).most_common()
    shown = [f"{name} x {count}" if count > 1 else name for name, count in counts[:NAMED]]
    return ", ".join(shown + [f"and {counted(len(counts) - NAMED, 'more kind')}"] * (len(counts) > NAMED))


def _costs(form: Form) -> Table:
    """Bytes between forward and backward pass, in columns that are not the same thing, and the time."""
    costs, seconds = form["costs"], form["costs"]["seconds"]
    shown = table("what it costs", "", "what is counted")
    shown.columns[1].justify = "right"
    for what, count, meaning in byte_rows(form):
        shown.add_row(what, "" if count is None else f"{count:,}", Text(meaning))
    for what, key, meaning in (
        ("PyTorch, no tape", "plain", "the loss under no_grad"),
        ("PyTorch, recording", "recorded", "the loss with its tape"),
        ("PyTorch, backward", "backward", "one backward()"),
        ("JAX, tracing", "traced", "once for each shape"),
        ("JAX, compiling", "compiled", "once for each shape"),
        ("JAX, running", "run", "value and gradient" + (f" in {costs['kernels']} kernels" if costs["kernels"] else "")),
    ):
        time = "raises" if seconds[key] is None else f"{1e6 * seconds[key]:,.0f} us"
        shown.add_row(what, time, Text(f"{meaning}, processor time"))
    return shown


def byte_rows(form: Form) -> list[tuple[str, int | None, str]]:
    """Each column of bytes: its name, the bytes, and what is counted; None where nothing could be."""
    costs = form["costs"]
    aot = costs["aot_message"] or "saved by AOTAutograd under torch.compile, beyond parameters and inputs"
    rows = [
        ("tape", form["tape_bytes"], "saved by nodes, beyond parameters and inputs; held from forward to backward"),
        ("torch.compile", costs["aot"], aot),
        ("residuals", form["residual_bytes"], "of jax.vjp op by op, copies left out; held from forward to backward"),
        ("copies", form["copied_bytes"], "of parameters and inputs among them: op by op only"),
        ("jax.jit at the loss", costs["at_loss"], "made when the loss is written, and still to be read"),
        ("jax.jit at most", costs["temporaries"], "temporaries at once in the whole of value and gradient"),
    ]
    if workspace := costs.get("workspace", 0):
        rows.append(("beside it", workspace, "at most, where a convolution's kernel copies what it reads"))
    return rows
