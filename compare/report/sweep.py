"""A sweep over sizes, and two runs beside each other, in the terminal."""

from collections.abc import Callable, Iterator
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from compare.measure.bench.headlines import AS_WRITTEN, BY_HAND, COMPILER
from compare.measure.bench.question import EAGER
from compare.report.bench import forced, headline, noise_text, ratio_text, stopped
from compare.report.contract import Form
from compare.report.pieces import pairs_of_words, show_table, table
from compare.verdict.counted import counted

AGAINST = {AS_WRITTEN: "against eager", COMPILER: "its compiler", BY_HAND: "by hand"}  # the tables' columns
AXES = ("batch", "width", "depth")


def show_sweep(form: Form, out: Console) -> None:
    """A line for each size, and in words how far each ratio holds."""
    sizes, planned = form["sizes"], form["planned"]
    first = sizes[0]["bench"]
    out.print(Text.assemble((form["pair"], "bold"), f": one training step from size to size, {first['title']}"))
    threads = counted(first["threads"], "thread")
    out.print(Text(f"{first['device']}, {first['precision']}, {threads} each, {len(sizes)} of {planned} sizes"))
    for axis in AXES:
        along = on_axis(form, axis)
        if len(along) > 1:
            out.print()
            show_table(out, _axis(along, axis, wide=True), _axis(along, axis, wide=False))
            for line in crossings(along, axis):
                out.print(Text(line))
    if all(len(on_axis(form, axis)) < 2 for axis in AXES):
        for one in sizes:
            out.print(Text(f"{named(one)}: {headline(one['bench'])}"))
    for one in sizes:
        if one["bench"]["unpublished"]:
            out.print(Text(f"{named(one)}: no ratio is published: {one['bench']['unpublished']}"))
        for line in stopped(one["bench"]):
            out.print(Text(f"{named(one)}: {line}"))


def on_axis(form: Form, axis: str) -> list[Form]:
    """The sizes that differ from the base along ``axis`` alone, in its order: where the other two are the commonest."""
    sizes = form["sizes"]
    others = [other for other in AXES if other != axis]
    usual = [_commonest([one[other] for one in sizes]) for other in others]
    along = [one for one in sizes if [one[other] for other in others] == usual and one[axis] is not None]
    return sorted(along, key=lambda one: int(one[axis]))


def crossings(along: list[Form], axis: str) -> Iterator[str]:
    """For each of PyTorch's answers, in words: at which sizes XLA is faster, the same, slower."""
    answers = dict.fromkeys(one["against"] for size in along for one in size["bench"]["headlines"])
    for against in answers:
        found = [(size[axis], _answer(size, against)) for size in along]
        parts = []
        for word, group in groupby(found, key=lambda item: item[1]["by_wall"]["word"] if item[1] else ""):
            places = list(group)
            if not word:  # no ratio there: what holds on either side of it is not said of it
                continue
            values = [one["by_wall"]["value"] for _, one in places if one]
            where = f"{axis} {places[0][0]}" + (f" to {places[-1][0]}" if len(places) > 1 else "")
            spread = f"{min(values):.2f}" + (f" to {max(values):.2f}" if len(values) > 1 else "")
            parts.append(f"{word} at {where} ({spread} times)")
        if parts:
            yield f"XLA against {against}: {'; '.join(parts)}"


def named(size: Form) -> str:
    """``batch 64, width 128``: what is None is the pair's own."""
    return ", ".join(f"{axis} {size[axis]}" for axis in AXES if size[axis] is not None)


def _axis(along: list[Form], axis: str, wide: bool) -> Table:
    rows = table()
    rows.add_column(axis, justify="right", no_wrap=True)
    rows.add_column("us/step: eager", justify="right", no_wrap=True)
    for head in ("compiled", "XLA", *(("K steps", "floor") if wide else ())):
        rows.add_column(head, justify="right", no_wrap=True)
    shown = dict(list(AGAINST.items())[: None if wide else 2])
    for head in shown.values():
        rows.add_column(head, justify="right", no_wrap=True)
    for size in along:
        bench = size["bench"]
        best = {kind: fastest(bench, kind) for kind in KINDS}
        cells: list[str | Text] = [_us(best["eager"]), _us(best["compiled"]), _us(best["xla"])]
        if wide:
            floor = bench["floors"].get(bench["floor"])
            cells += [_us(best["several"]), _us(floor and floor["median"])]
        answers = (_answer(size, against) for against in shown)
        cells += [ratio_text(one and one["by_wall"]) for one in answers]
        rows.add_row(str(size[axis]), *cells)
    return rows


KINDS: dict[str, Callable[[Form], bool]] = {
    "eager": lambda row: row["name"] == EAGER,
    "captured": lambda row: row["name"] == "CUDA graph",
    "compiled": lambda row: row["side"] == "torch" and row["compile"] is not None and row["steps_per_call"] == 1,
    "xla": lambda row: row["side"] == "jax" and row["steps_per_call"] == 1 and not row["explains"],
    "several": lambda row: row["side"] == "jax" and row["steps_per_call"] > 1,
}


def fastest(bench: Form, kind: str) -> float | None:
    """Seconds for a step of the fastest row of a kind that may be compared; None where there is none."""
    row = fastest_row(bench, kind)
    return None if row is None else float(row["median"])


def fastest_row(bench: Form, kind: str) -> Form | None:
    """That row itself."""
    if bench["unpublished"]:
        return None
    rows = [row for row in bench["rows"] if row["median"] is not None and not forced(row)]
    return min((row for row in rows if KINDS[kind](row)), key=lambda row: float(row["median"]), default=None)


def _answer(size: Form, against: str) -> Form | None:
    return next((one for one in size["bench"]["headlines"] if one["against"] == against), None)


def _us(seconds: float | None) -> str:
    return "" if seconds is None else f"{1e6 * seconds:,.0f}"


def _commonest(values: list[object]) -> object:
    return max(values, key=values.count)


def show_two_runs(form: Form, out: Console) -> None:
    """Each row's time in both, and how many times as fast the second is."""
    rows = table()
    rows.add_column("row", no_wrap=True)
    for head in ("before, us", "after, us", "times as fast", "by processor"):
        rows.add_column(head, justify="right", no_wrap=True)
    for row in form["rows"]:
        cells = [Text(row["name"]), Text(_us(row["before"])), Text(_us(row["after"]))]
        rows.add_row(*cells, ratio_text(row["by_wall"], wide=True), f"{row['by_processor']['value']:.2f}")
    show_table(out, rows)
    versions = pairs_of_words()
    for name, (before, after) in form["versions"].items():
        versions.add_row(Text(name), Text(f"{before}, then {after}"))
    if form["versions"]:
        out.print(versions)
    if form["only"]:
        out.print(Text(f"timed in one of them alone: {'; '.join(form['only'])}"))
    out.print(Text(noise_text(form["noise"])))
