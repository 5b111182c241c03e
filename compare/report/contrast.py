"""Tape and function beside each other in the terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence
from math import prod

from rich.console import Console
from rich.table import Table
from rich.text import Text

from compare.report.contract import Form
from compare.report.contrast_costs import show_costs
from compare.report.pieces import show_table, table
from compare.verdict.bytes_in_words import size
from compare.verdict.counted import counted

MANY = 60  # nodes from which a layer is one line
NAMED = 4  # equations that a cell names
NO_LAYER = "(outside the layers)"  # in the model's own forward, its loss, or functions without modules
REASON = {
    "leaf": "adds to .grad",
    "layout": "moves numbers",
    "constant": "depends on nothing that enters",
    "random": "draws random numbers",
    "repeated": "makes again what an earlier one made",
    "untaped": "no gradient flows there: no tape of it",
    "unasked": "of a gradient that the reference does not ask for",
    "engine": "adds gradients that meet, as the engine does",
    "unused": "no result needs it",
    "loop": "a loop, by its body",
    "zero": "zero but for rounding",
    "fused": "no number in common",
}
Cells = tuple[str, str, str, str, str, str]


def show_contrast(form: Form, out: Console, every: bool = False) -> None:
    """What each side records, what faces what, what is kept, and what it comes to in words."""
    out.print(Text.assemble((form["pair"], "bold"), f": {', '.join(filter(None, (form['title'], form['device'])))}"))
    out.print()
    is_folded = not every and len(form["tape"]) > MANY
    rows = list(_layers(form) if is_folded else _nodes(form))  # read once for each width
    show_table(out, _tape(rows, wide=True), _tape(rows, wide=False))
    out.print()
    if between := list(_between(form, is_folded)):
        show_table(out, _bridge(between, wide=True), _bridge(between, wide=False))
        out.print()
    show_table(out, _idle(form))
    out.print()
    if every:
        show_table(out, _equations(form))
        out.print()
        if form.get("boundaries"):
            show_table(out, _groups(form))
            out.print()
    show_table(out, _residuals(form["residuals"], not every and len(form["residuals"]) > MANY))
    out.print()
    show_costs(form, out)
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
        what = f"{path or NO_LAYER}: {_list(names)}"
        yield span, what, kept, f"{own:,}" if own else "", loss or REASON["layout"], gradient


def layers_of(form: Form) -> list[tuple[str, list[int]]]:
    """The nodes that run one after another in one layer: its path, and their positions; leaves left out. What torch
    adds of itself to move numbers has no path, and is of the layer that it runs in."""
    runs: list[tuple[str, list[int]]] = []
    for number, node in enumerate(form["tape"]):
        if node["leaf"]:
            continue
        is_added = not node["path"] and node["why"] == "layout"
        path = runs[-1][0] if runs and is_added else node["path"]
        if not runs or runs[-1][0] != path:
            runs.append((path, []))
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


def _between(form: Form, is_folded: bool) -> Iterator[tuple[str, str, str, str]]:
    """What faces a node in the program without a tape, of the loss and of the gradient, and how many equations do."""
    by_node: dict[tuple[int, str], list[int]] = {}
    for number, one in enumerate(form.get("bridge", ())):
        for node in one["nodes"]:
            by_node.setdefault((node, one["half"]), []).append(number)
    each = [("", [at]) for at, node in enumerate(form["tape"]) if not node["leaf"]]
    for path, numbers in layers_of(form) if is_folded else each:
        halves = [
            sorted({one for at in numbers for one in by_node.get((at, half), ())}) for half in ("loss", "gradient")
        ]
        if any(halves):
            loss, gradient = (_list([form["bridge"][one]["name"] for one in half]) for half in halves)
            equations = {one for at in numbers for one in (*form["tape"][at]["loss"], *form["tape"][at]["gradient"])}
            first = form["tape"][numbers[0]]["name"]
            yield (path or NO_LAYER) if is_folded else f"{numbers[0]} {first}", loss, gradient, str(len(equations))


def _bridge(rows: Sequence[tuple[str, str, str, str]], wide: bool) -> Table:
    heads = ("node", "torch.func, no tape: the loss", "its gradient", "equations of JAX")
    shown = table(*(heads if wide else heads[:3]))
    for row in rows:
        shown.add_row(*(Text(cell) for cell in (row if wide else row[:3])))
    return shown


def _groups(form: Form) -> Table:
    """Between which values nodes and equations run."""
    shown = table("between these values", "and this one", "nodes", "equations")
    for boundary, (nodes, equations) in zip(form["boundaries"], form["groups"], strict=True):
        named = [
            ", ".join(f"{at} {form[key][at]['name']}" for at in own)
            for key, own in (("tape", nodes), ("equations", equations))
        ]
        shown.add_row(Text(", ".join(boundary["takes"])), Text(boundary["gives"]), *named)
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


def _residuals(residuals: list[Form], is_folded: bool) -> Table:
    """One row for those that are alike, or, ``is_folded``, for those of one layer."""
    shown = table("residual of jax.vjp, op by op", "bytes", "of" if is_folded else "at")
    shown.columns[1].justify = "right"
    rows: dict[tuple[str, str], list[Form]] = {}
    for kept in residuals:
        place = kept["by"] if is_folded else kept["place"] if ":" in kept["place"] else ""
        rows.setdefault(("" if is_folded else _kept(kept), place), []).append(kept)
    for (what, place), alike in rows.items():
        own = sum(map(own_bytes, alike))
        times = f" x {len(alike)}" if len(alike) > 1 else ""
        named = counted(len(alike), "array") if is_folded else f"{what}{times}"
        shown.add_row(Text(named), f"{own:,}" if own else "", Text(place or (NO_LAYER if is_folded else "")))
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
