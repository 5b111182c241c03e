"""The table of differences in the terminal: short, or all that there is of a name."""

from rich.console import Console
from rich.text import Text

from compare.report.difference_words import apart, everything, names, needed, signature
from compare.report.differences_contract import DifferencesForm, EntryForm, FacingForm
from compare.report.pieces import paragraph, show_table, table
from compare.verdict.counted import counted

NONE = "no counterpart"


def show_differences(form: DifferencesForm, out: Console) -> None:
    """The whole table: a line for each counterpart."""
    for group in dict.fromkeys(entry["group"] for entry in form["entries"]):
        rows = table(group, "JAX, Flax, optax", "as written", "equal with")
        short = table(group, "JAX, Flax, optax", "as written")
        for entry in form["entries"]:
            if entry["group"] == group:
                for cells in _lines(entry):
                    rows.add_row(*map(Text, cells))
                    short.add_row(*map(Text, cells[:3]))
        show_table(out, rows, short)
        out.print()
    for fault in filter(None, (entry["fault"] for entry in form["entries"])):
        out.print(paragraph("fault", fault))
    told = ", ".join(f"{name} {version}" for name, version in form["versions"].items())
    out.print(Text(f"{counted(len(form['entries']), 'row')}, run in float64 on {told}"))
    out.print(Text("jaxport differences NAME shows all that there is of one: gelu, LayerNorm, optim.AdamW"))


def show_entries(form: DifferencesForm, out: Console) -> None:
    """All of a few entries."""
    for place, entry in enumerate(form["entries"]):
        if place:
            out.print()
        _show(entry, out)


def _show(entry: EntryForm, out: Console) -> None:
    out.print(Text(names(entry), style="bold"))
    for code in entry["codes"]:
        out.print(paragraph("torch", code))
    for name, own in entry["names"].items():
        if (told := signature(name, own)) != name:
            out.print(paragraph("defaults", told))
    if entry["inputs"]:
        out.print(paragraph("inputs", "; ".join(f"{name} = {recipe}" for name, recipe in entry["inputs"].items())))
    if not entry["ports"]:
        out.print(paragraph("port", NONE))
    for facing in entry["ports"]:
        _show_facing(facing, entry["sampled"], out)
    if entry["note"]:
        out.print(paragraph("note", entry["note"]))
    if entry["fault"]:
        out.print(paragraph("fault", entry["fault"]))


def _show_facing(facing: FacingForm, sampled: bool, out: Console) -> None:
    plain, adapted = facing["plain"], facing["adapted"]
    out.print(paragraph("port", plain["code"] if plain else f"{NONE}; written out:"))
    for name, own in facing["names"].items():
        if (told := signature(name, own)) != name:
            out.print(paragraph("defaults", told))
    if facing["also"]:
        out.print(paragraph("also", ", ".join(facing["also"])))
    if plain:
        out.print(paragraph("so", apart(plain, sampled)))
    if adapted:
        out.print(paragraph("with" if plain else "", f"{needed(facing)}: {apart(adapted, sampled)}"))
    for line in everything(facing):
        out.print(paragraph("but", line))


def _lines(entry: EntryForm) -> list[tuple[str, str, str, str]]:
    if not entry["ports"]:
        return [(names(entry), NONE, entry["note"], "")]
    made = []
    for place, facing in enumerate(entry["ports"]):
        plain = facing["plain"]
        made.append(
            (
                names(entry) if not place else "",
                names(facing) or (plain["code"] if plain else NONE),
                apart(plain, entry["sampled"]) if plain else "written out",
                needed(facing),
            )
        )
    return made
