"""Write docs/differences.md from the committed results of ``jaxport differences``.

    jaxport differences --json results/cpu/differences-py311.json   # once for each set of versions
    python3 -m scripts.make_differences

A fact that is the same on all versions is said once; where it is another on one of them, that is said beside it.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

from compare.report.difference_words import apart, everything, needed, signature
from compare.report.differences_contract import DifferencesForm, EntryForm, FacingForm

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "differences.md"
RESULTS = ROOT / "results" / "cpu"
HEAD = """# The table of differences

What every layer, activation, loss and initialiser of `torch.nn` and every optimizer and schedule of `torch.optim` is in
Flax, JAX or optax: the defaults on both sides, whether the form that is written by the same names is the same function,
what makes it so, and the gradients at kinks. `python3 -m scripts.make_differences` writes this page from the results in
[results/cpu](../results/cpu). Nothing of it is typed in: names and defaults are read from the libraries'
signatures, and each row is code that is run in float64 on both sides, outputs, gradients of the inputs and of the
weights, on {versions}.

    jaxport differences gelu                # all that there is of one name, of either side, run on your versions
    jaxport differences --json table.json   # the whole table, run on your versions, as JSON

{rows} rows for {names} names; {equal} of {written} forms written by the same names are the same function, and {mended}
of the other {others} are made so by what stands beside them. A name of torch's without a row makes a test fail.

- **as written**: "equal" is to 1e-12, as every row is "with" what makes it equal unless a reason is given. A number is
  the largest difference, of entries above 1 relative to them; of optimizers the distance of the parameters over the
  way that torch's went.
- In the code, `x`, `y`, `labels`, ... are inputs; `weight`, `bias`, ... are the torch module's entries, by their names
  in its `state_dict`; `params(kernel=...)` are a Linen layer's variables, `filled(layer, kernel=...)` an NNX layer with
  these weights; `last(x)` moves channels from axis 1 to the end, `first(x)` back; `key` and `rngs` are random keys.
- **slope at**: the gradient where the function has a kink: found by looking at both one-sided slopes at the usual
  points and at every number in the signatures and the code.
- "where everything is 0" (or equal, or large): the same code on such inputs, where it is not equal. "(mended)": no
  longer with what makes it equal.
- What draws is compared as a distribution.

Optimizers and schedules, with how the distance grows over the steps, are also in [their own table](optimizers.md).
"""


def page(forms: Sequence[DifferencesForm]) -> str:
    """The page, of results on one or several sets of versions, the first leading."""
    first = forms[0]
    others = [(_versions(form, first), {_key(one): one for one in form["entries"]}) for form in forms[1:]]
    tables: list[str] = []
    told: set[str] = set()
    for group in dict.fromkeys(entry["group"] for entry in first["entries"]):
        lines = [line for one in first["entries"] if one["group"] == group for line in _lines(one, others, told)]
        head = "| torch | JAX, Flax, optax | as written | equal with | beside |\n|---|---|---|---|---|"
        tables.append(f"\n## {group[0].upper()}{group[1:]}\n\n{head}\n" + "\n".join(lines) + "\n")
    told = " and on ".join(", ".join(f"{name} {number}" for name, number in form["versions"].items()) for form in forms)
    return HEAD.format(versions=told, **_counts(first)) + "".join(tables)


def _counts(form: DifferencesForm) -> dict[str, int]:
    ports = [port for entry in form["entries"] for port in entry["ports"]]
    written = [port for port in ports if port["plain"]]
    apart_ = [port for port in written if not cast(dict, port["plain"])["equal"]]
    return {
        "rows": len(form["entries"]),
        "names": len({name for entry in form["entries"] for name in entry["names"]}),
        "written": len(written),
        "equal": len(written) - len(apart_),
        "others": len(apart_),
        "mended": sum(bool(port["adapted"] and port["adapted"]["equal"]) for port in apart_),
    }


def _lines(entry: EntryForm, others: Sequence[tuple[str, dict[str, EntryForm]]], told: set[str]) -> Iterable[str]:
    """A line for each counterpart, or the one of a name that has none. ``told``: the signatures on the page so far."""
    torchs = "<br>".join(_code(one) for one in _signatures(entry, told))
    if not entry["ports"]:
        yield _row(torchs, "no counterpart", "", "", entry["note"])
        return
    for place, facing in enumerate(entry["ports"]):
        beside = [*everything(facing), *([entry["note"]] if entry["note"] and not place else [])]
        for versions, entries in others:
            beside += _elsewhere(versions, entries.get(_key(entry)), place, entry)
        yield _row(
            "<br>".join([torchs, "as " + _code(_shown(entry))]) if not place else "",
            _port(facing, told),
            apart(facing["plain"], entry["sampled"]) if facing["plain"] else "",
            _code(needed(facing)) if needed(facing) else "",
            "; ".join(beside),
        )


def _port(facing: FacingForm, told: set[str]) -> str:
    plain = facing["plain"]
    if plain is None:
        return "no counterpart; written out"
    return "<br>".join(_code(one) for one in [*(one for one in _signatures(facing, told) if "(" in one), plain["code"]])


def _signatures(one: EntryForm | FacingForm, told: set[str]) -> list[str]:
    """The names with their defaults, which are told once on the page."""
    made = {name: signature(name, own) for name, own in one["names"].items()}
    shown = [name if text in told else text for name, text in made.items()]
    told |= set(made.values())
    return shown


def _elsewhere(versions: str, other: EntryForm | None, place: int, entry: EntryForm) -> list[str]:
    """What is otherwise on other versions."""
    if other is None:
        return [f"{versions}: not there"]
    if place >= len(other["ports"]):
        return []
    ours, theirs = entry["ports"][place], other["ports"][place]
    told = []
    for which in ("plain", "adapted"):
        mine, its = ours[which], theirs[which]  # type: ignore[literal-required]
        if mine and its and apart(mine, entry["sampled"]) != apart(its, entry["sampled"]):
            told.append(
                f"{versions}: {'as written' if which == 'plain' else 'so adapted'} {apart(its, entry['sampled'])}"
            )
    if everything(ours) != everything(theirs):
        told.append(f"{versions}: {'; '.join(everything(theirs)) or 'none of this'}")
    changed = [
        signature(name, theirs_own)
        for mine, its in ((entry["names"], other["names"]), (ours["names"], theirs["names"]))
        for name, theirs_own in its.items()
        if name in mine and mine[name] != theirs_own
    ]
    return [*told, *(f"{versions}: {one}" for one in changed)]


def _shown(entry: EntryForm) -> str:
    """torch's code: of one function's several, the first; an optimizer with its schedule and its clipping."""
    return entry["codes"][0] if entry["inputs"] or entry["sampled"] else "; ".join(entry["codes"])


def _versions(form: DifferencesForm, first: DifferencesForm) -> str:
    unlike = [f"{name} {number}" for name, number in form["versions"].items() if first["versions"][name] != number]
    return ", ".join(unlike)


def _key(entry: EntryForm) -> str:
    return " ".join([_shown(entry), entry["note"], *entry["inputs"].values()])


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    return f"`{text}`".replace("|", chr(92) + "|")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=PAGE)
    options = parser.parse_args(arguments)
    options.out.write_text(page(committed()), encoding="utf-8")


def committed() -> list[DifferencesForm]:
    """The results that are committed, the pinned Python 3.11's first."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("differences-*.json"))]


if __name__ == "__main__":
    main()
