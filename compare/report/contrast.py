"""Tape and residuals beside each other in the terminal."""

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from compare.report.beside import show_beside
from compare.report.contract import Form
from compare.verdict.counted import counted


def show_contrast(form: Form, out: Console) -> None:
    """What each side kept from one forward pass, and the programs that use it."""
    out.print(Text.assemble((form["pair"], "bold"), f": {form['title']}, {form['device']}"))
    nodes, residuals = counted(len(form["tape"]), "node"), counted(len(form["residuals"]), "residual")
    reference = f"PyTorch: {nodes} of the tape, {_size(form['tape_bytes'])} kept"
    port = f"JAX: {residuals} of jax.vjp, {_size(form['residual_bytes'])} kept"
    show_beside((reference, _tape(form["tape"])), (port, _residuals(form["residuals"])), out)
    forward = f"jaxpr, forward half: {counted(len(form['forward']), 'equation')}"
    backward = f"jaxpr, backward half: {counted(len(form['backward']), 'equation')}"
    show_beside((forward, _lines(form["forward"])), (backward, _lines(form["backward"])), out)
    for line in summary(form):
        out.print(Text(line))


def summary(form: Form) -> list[str]:
    """The contrast in two lines: what is kept, by whom, and what it costs beyond the parameters and the batch."""
    nodes, arrays = counted(len(form["tape"]), "node"), counted(len(form["residuals"]), "array")
    return [
        f"tape: written while the forward pass runs, {nodes}, {_size(form['tape_bytes'])} kept; "
        "backward() walks it once and fills .grad",
        f"residuals: returned by the forward half of a traced program, {arrays}, "
        f"{_size(form['residual_bytes'])} kept (op by op; under jit XLA decides anew what to keep); "
        "the backward half is a function and can be called again",
    ]


def _tape(nodes: list[Form]) -> RenderableType:
    table = _table("node", "saves", "bytes")
    for node in nodes:
        for kept in node["saved"] or [None]:
            table.add_row(Text(node["name"]), *_kept(kept))
            node = {"name": ""}
    return table


def _residuals(residuals: list[Form]) -> RenderableType:
    table = _table("residual", "bytes")
    for kept in residuals:
        table.add_row(*_kept(kept))
    return table


def _kept(kept: Form | None) -> tuple[Text, Text]:
    if kept is None:
        return Text(""), Text("")
    shape = f"{kept['dtype']}[{','.join(map(str, kept['shape']))}]"
    own = not kept["same_as"] and not kept["shared"]
    why = " (listed above)" if kept["shared"] else ""
    if kept["same_as"] or kept["copy_of"]:
        why = f" = {kept['same_as']}" if kept["same_as"] else f" copy of {kept['copy_of']}"
    return Text(shape + why), Text(f"{kept['bytes']:,}" if own else f"({kept['bytes']:,})", style="" if own else "dim")


def _table(*heads: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in heads:
        table.add_column(head, justify="right" if head == "bytes" else "left", overflow="fold")
    return table


def _lines(equations: list[str]) -> RenderableType:
    return Group(*(Text(line) for line in equations))


def _size(count: int) -> str:
    return f"{count / 1024:,.1f} KiB" if count >= 1024 else counted(count, "byte")
