"""Tape and function beside each other in the terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import prod

from rich.console import Console
from rich.table import Table
from rich.text import Text

from compare.measure.contrast.in_words import size
from compare.report.contract import Form
from compare.report.pieces import show_table, table
from compare.verdict.counted import counted

MANY = 60  # nodes from which a layer is one line
NAMED = 4  # equations that a cell names
REASON = {
    "leaf": "adds to .grad",
    "layout": "moves numbers",
    "constant": "depends on nothing that enters",
    "random": "draws random numbers",
    "engine": "adds gradients that meet, as the engine does",
    "unused": "no result needs it",
    "zero": "zero but for rounding",
    "fused": "no number in common",
}
Cells = tuple[str, str, str, str, str, str]


def show_contrast(form: Form, out: Console, every: bool = False) -> None:
    """What each side records, what faces what, what is kept, and what it comes to in words."""
    out.print(Text.assemble((form["pair"], "bold"), f": {', '.join(filter(None, (form['title'], form['device'])))}"))
    out.print()
    rows = list(_nodes(form) if every or len(form["tape"]) <= MANY else _layers(form))  # read once for each width
    show_table(out, _tape(rows, wide=True), _tape(rows, wide=False))
    out.print()
    show_table(out, _idle(form))
    out.print()
    if every:
        show_table(out, _equations(form))
        out.print()
    show_table(out, _residuals(form["residuals"]))
    out.print()
    if form["costs"]:
        show_table(out, _costs(form))
        out.print()
    for line in form["words"]:
        out.print(Text(line))


def summary(form: Form) -> list[str]:
    """The contrast in two lines: what is recorded and kept, by whom."""
    nodes, arrays = counted(len(form["tape"]), "node"), counted(len(form["residuals"]), "array")
    equations = counted(len(form["equations"]), "equation")
    copies = f" and {size(form['copied_bytes'])} of copies" if form["copied_bytes"] else ""
    return [
        f"tape: written while the forward pass runs, {nodes}, {size(form['tape_bytes'])} kept; "
        "backward() walks it once and fills .grad",
        f"function: traced to {equations} for loss and gradient; jax.vjp hands on {arrays}, "
        f"{size(form['residual_bytes'])}{copies} op by op; the backward half can be called again",
    ]


def _nodes(form: Form) -> Iterator[Cells]:
    """Number, node, what it keeps, its own bytes, and what faces it: one row for each node."""
    for number, node in enumerate(form["tape"]):
        name = " ".join(filter(None, (node["name"], node["leaf"])))
        keeps = "\n".join(_kept(kept) for kept in node["saved"])
        own = sum(own_bytes(kept) for kept in node["saved"])
        loss, gradient = (_named(form, node[half]) for half in ("loss", "gradient"))
        yield str(number), name, keeps, f"{own:,}" if own else "", loss or REASON.get(node["why"], ""), gradient


def _layers(form: Form) -> Iterator[Cells]:
    """The same with one row for the nodes of a layer that run one after another."""
    for path, numbers in layers_of(form):
        nodes = [form["tape"][number] for number in numbers]
        saved = [kept for node in nodes for kept in node["saved"]]
        names = [node["name"] for node in nodes if not node["why"]] or [node["name"] for node in nodes]
        own = sum(map(own_bytes, saved))
        loss, gradient = (
            _named(form, sorted({one for node in nodes for one in node[half]})) for half in ("loss", "gradient")
        )
        span = f"{numbers[0]}-{numbers[-1]}" if len(numbers) > 1 else str(numbers[0])
        kept = counted(len(saved), "tensor") if saved else ""
        what = f"{path or '(loss)'}: {_list(names)}"
        yield span, what, kept, f"{own:,}" if own else "", loss or REASON["layout"], gradient


def layers_of(form: Form) -> list[tuple[str, list[int]]]:
    """The nodes that run one after another in one layer: its path, and their positions; leaves left out."""
    runs: list[tuple[str, list[int]]] = []
    for number, node in enumerate(form["tape"]):
        if node["leaf"]:
            continue
        if not runs or runs[-1][0] != node["path"]:
            runs.append((node["path"], []))
        runs[-1][1].append(number)
    return runs


def _tape(rows: Sequence[Cells], wide: bool) -> Table:
    heads = ("", "node, in the order of backward()", "keeps", "own bytes", "faces in the loss", "faces in its gradient")
    shown = table()
    for head in heads if wide else (heads[1], *heads[3:]):
        shown.add_column(head, justify="right" if head in ("", "own bytes") else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(Text(cell) for cell in (row if wide else (row[1], *row[3:]))))
    return shown


def _idle(form: Form) -> Table:
    """What faces nothing, by the reason."""
    shown = table("what faces nothing", "nodes", "equations")
    for why, words in REASON.items():
        nodes = [node["name"] for node in form["tape"] if node["why"] == why]
        equations = [one["name"] for one in form["equations"] if one["why"] == why]
        if nodes or equations:
            shown.add_row(words, *(f"{len(names)}: {_list(names)}" if names else "" for names in (nodes, equations)))
    return shown


def _equations(form: Form) -> Table:
    shown = table("equation", "makes", "of", "faces")
    for number, one in enumerate(form["equations"]):
        times = f" x {one['times']}" if one["times"] > 1 else ""
        faces = ", ".join(f"{node} {form['tape'][node]['name']}" for node in one["nodes"])
        where = ", ".join(filter(None, (one["half"], one["path"])))
        shown.add_row(f"{number} {one['name']}{times}", one["made"], where, faces or REASON.get(one["why"], ""))
    return shown


def _residuals(residuals: list[Form]) -> Table:
    shown = table("residual of jax.vjp, op by op", "bytes", "at")
    shown.columns[1].justify = "right"
    for kept in residuals:
        own = own_bytes(kept)
        shown.add_row(Text(_kept(kept)), f"{own:,}" if own else "", Text(kept["place"] if ":" in kept["place"] else ""))
    return shown


def _costs(form: Form) -> Table:
    """Bytes between forward and backward pass, in columns that are not the same thing, and the time."""
    costs, seconds = form["costs"], form["costs"]["seconds"]
    shown = table("what it costs", "", "what is counted")
    shown.columns[1].justify = "right"
    aot = costs["aot_message"] or "saved by AOTAutograd under torch.compile, beyond parameters and inputs"
    rows = [
        ("tape", form["tape_bytes"], "saved by nodes, beyond parameters and inputs; held from forward to backward"),
        ("torch.compile", costs["aot"], aot),
        ("residuals", form["residual_bytes"], "of jax.vjp op by op, copies left out; held from forward to backward"),
        ("copies", form["copied_bytes"], "of parameters and inputs among them: op by op only"),
        ("jax.jit at the loss", costs["at_loss"], "made when the loss is written, and still to be read"),
        ("jax.jit at most", costs["temporaries"], "temporaries at once in the whole of value and gradient"),
        ("the same again", costs["again"], "with jax.checkpoint around the loss"),
    ]
    for what, count, meaning in rows:
        shown.add_row(what, "" if count is None else f"{count:,}", Text(meaning))
    for what, key, meaning in (
        ("PyTorch, no tape", "plain", "the loss under no_grad"),
        ("PyTorch, recording", "recorded", "the loss with its tape"),
        ("PyTorch, backward", "backward", "one backward()"),
        ("JAX, tracing", "traced", "once for each shape"),
        ("JAX, compiling", "compiled", "once for each shape"),
        ("JAX, running", "run", "value and gradient" + (f" in {costs['kernels']} kernels" if costs["kernels"] else "")),
    ):
        shown.add_row(what, f"{1e6 * seconds[key]:,.0f} us", Text(f"{meaning}, processor time"))
    return shown


def own_bytes(kept: Form) -> int:
    """What lives only because of it."""
    return 0 if kept["same_as"] or kept["earlier"] is not None or kept["again"] else int(kept["bytes"])


def _kept(kept: Form) -> str:
    if kept["again"]:
        return f"{kept['name']}: made again"
    array = f"{kept['dtype']}[{','.join(map(str, kept['shape']))}]"
    what = f"{kept['name']}: {array}" if kept["name"] else array
    if kept["same_as"]:
        return f"{what} is {kept['same_as']}"
    if kept["earlier"] is not None:
        return f"{what}, kept by {kept['earlier']} already"
    copied, constant = kept["copy_of"], kept["constant"] and prod(kept["shape"]) > 1
    return f"{what}, a copy of {copied}" if copied else f"{what}, one number over and over" if constant else what


def _named(form: Form, numbers: Sequence[int]) -> str:
    return _list([form["equations"][number]["name"] for number in numbers])


def _list(names: Sequence[str]) -> str:
    """Names with how often each comes, the first few."""
    counts = Counter(names)
    shown = [f"{name} x {count}" if count > 1 else name for name, count in list(counts.items())[:NAMED]]
    return ", ".join(shown + [f"and {counted(len(counts) - NAMED, 'more kind')}"] * (len(counts) > NAMED))
