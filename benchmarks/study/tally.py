"""The rates, from the cases: what the study's result says, as a form for JSON and as text."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from benchmarks.study import bounds

Row = dict[str, Any]
DETECTED = ("mismatch", "invalid")
TOOLS = ("jaxport", "assert_close", "assert_allclose")
SHOWN = {
    "jaxport": "jaxport",
    "assert_close": "torch.testing.assert_close",
    "assert_allclose": "numpy.testing.assert_allclose",
}
SIZES = (1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, float("inf"))  # upper ends of the bins of a fault's relative effect


def alarm(tool: str, told: Row) -> bool:
    """Whether a tool calls a port faulty; the judge does so with ``mismatch`` or ``invalid``."""
    return told["verdict"] in DETECTED if tool == "jaxport" else bool(told[tool])


def tally(rows: list[Row]) -> Row:
    """Everything that is counted, from all cases of one run."""
    usable = [row for row in rows if "equivalent" in row and row["faulty"]["verdict"] != "refused"]
    faulty = [row for row in usable if not row["equivalent"]]
    sound = [row for row in rows if row["sound"]["verdict"] != "refused"]
    return {
        "networks": len({row["case"] for row in rows}),
        "cases": len(rows),
        "sound": {
            "count": len(sound),
            "verdicts": dict(Counter(row["sound"]["verdict"] for row in rows)),
            "false_alarms": {tool: sum(alarm(tool, row["sound"]) for row in sound) for tool in TOOLS},
            "largest_gap_over_allowed": max((row["sound"].get("margin", 0.0) for row in sound), default=0.0),
            "with_precision_notice": sum(bool(row["sound"].get("flagged")) for row in sound),
        },
        "faulty": {
            "count": len(faulty),
            "verdicts": dict(Counter(row["faulty"]["verdict"] for row in faulty)),
            "detected": {tool: sum(alarm(tool, row["faulty"]) for row in faulty) for tool in TOOLS},
            "told_apart": {
                tool: sum(alarm(tool, row["faulty"]) and not alarm(tool, row["sound"]) for row in faulty)
                for tool in TOOLS
            },
        },
        "equivalent": {
            "count": len(usable) - len(faulty),
            "verdicts": dict(Counter(row["faulty"]["verdict"] for row in usable if row["equivalent"])),
        },
        "refused": [_key(row) for row in rows if "refused" in (row["sound"]["verdict"], row["faulty"]["verdict"])],
        "by_family": _by("family", sound, faulty),
        "by_flavour": _by("flavour", sound, faulty),
        "by_mode": _by("mode", sound, faulty),
        "by_loss": _by("loss", sound, faulty),
        "by_fault": _by_fault(usable),
        "by_relative_effect": _by_effect(faulty),
        "not_match": [_key(row) for row in sound if row["sound"]["verdict"] != "match"],
        "missed": [_key(row) for row in faulty if not alarm("jaxport", row["faulty"])],
        "named": _named([row for row in faulty if "causes" in row]),
        "bounds": bounds.bounds(rows),
        "seconds": sum(sum(row["seconds"]) for row in rows),
    }


def _named(rows: list[Row]) -> Row:
    """Of the faults whose cause was asked for: how many have the planted one as certain, how many have another as
    certain, and how many have none."""
    wrong = [row for row in rows if any(not one["planted"] for one in row["causes"])]
    right = [row for row in rows if row not in wrong and row["causes"]]
    return {
        "asked": len(rows),
        "planted": len(right),
        "another": [[row["case"], row["fault"], [one["text"] for one in row["causes"]]] for row in wrong],
        "none": dict(Counter(row["fault"] for row in rows if not row["causes"])),
    }


def _key(row: Row) -> list[int]:
    return [row["case"], row.get("draw", 0)]


def _by(key: str, sound: Iterable[Row], faulty: Iterable[Row]) -> Row:
    found: dict[str, Counter] = defaultdict(Counter)
    for row in sound:
        found[row[key]]["sound"] += 1
        found[row[key]]["false_alarms"] += alarm("jaxport", row["sound"])
    for row in faulty:
        found[row[key]]["faulty"] += 1
        found[row[key]]["detected"] += alarm("jaxport", row["faulty"])
    return {name: dict(found[name]) for name in sorted(found)}


def _by_fault(rows: Iterable[Row]) -> Row:
    found: dict[str, Counter] = defaultdict(Counter)
    for row in rows:
        one = found[row["fault"]]
        one["equivalent"] += row["equivalent"]
        if not row["equivalent"]:
            one["faulty"] += 1
            for tool in TOOLS:
                one[tool] += alarm(tool, row["faulty"])
    return {name: dict(found[name]) for name in sorted(found)}


def _by_effect(faulty: Iterable[Row]) -> list[Row]:
    """Detected by the largest relative effect that the fault has on a quantity in float64."""
    bins: list[Row] = [{"below": end, "faulty": 0, **dict.fromkeys(TOOLS, 0)} for end in SIZES]
    for row in faulty:
        one = next(one for one in bins if row["relative"] < one["below"] or one is bins[-1])
        one["faulty"] += 1
        for tool in TOOLS:
            one[tool] += alarm(tool, row["faulty"])
    return [{**one, "below": str(one["below"])} for one in bins]


def text(form: Row) -> str:
    """The result as it is printed."""
    sound, faulty = form["sound"], form["faulty"]
    lines = [
        f"{form['networks']:,} random networks: {sound['count']:,} sound ports, {faulty['count']:,} faulty ones of "
        f"{len(form['by_fault'])} kinds; {form['equivalent']['count']:,} equivalent mutants apart",
        f"{'':30} {'false alarms':>18} {'detected':>18} {'told apart':>18}",
    ]
    for tool in TOOLS:
        counts = (
            (sound["false_alarms"][tool], sound["count"]),
            *((faulty[key][tool], faulty["count"]) for key in ("detected", "told_apart")),
        )
        lines.append(f"{SHOWN[tool]:30} " + " ".join(f"{_share(*one):>18}" for one in counts))
    lines += [
        "told apart: the sound port passes and its faulty twin does not",
        f"verdicts on sound ports: {_listed(sound['verdicts'])}; largest gap "
        f"{sound['largest_gap_over_allowed']:.2g} of what is allowed",
        f"verdicts on faulty ports: {_listed(faulty['verdicts'])}",
        f"verdicts on equivalent mutants: {_listed(form['equivalent']['verdicts'])}",
        f"could not start: {len(form['refused'])}",
        *_of_names(form["named"]),
        "",
        *bounds.lines(form["bounds"]),
        "",
        *_table("family", form["by_family"]),
        "",
        "largest relative effect in float64, faulty ports, detected by each",
        f"{'below':>30} {'faulty':>8} " + " ".join(f"{tool:>15}" for tool in TOOLS),
        *(
            f"{one['below']:>30} {one['faulty']:>8} " + " ".join(f"{one[tool]:>15}" for tool in TOOLS)
            for one in form["by_relative_effect"]
        ),
        "",
        f"{'fault':45} {'faulty':>8} " + " ".join(f"{tool:>15}" for tool in TOOLS) + f" {'equivalent':>11}",
        *(
            f"{name:45} {one.get('faulty', 0):>8} "
            + " ".join(f"{one.get(tool, 0):>15}" for tool in TOOLS)
            + f" {one['equivalent']:>11}"
            for name, one in form["by_fault"].items()
        ),
    ]
    return "\n".join(line.rstrip() for line in lines)


def _of_names(named: Row) -> list[str]:
    if not named["asked"]:
        return []
    counts = (named["planted"], len(named["another"]), sum(named["none"].values()))
    said = zip(("the planted cause is certain", "another is", "none is"), counts, strict=True)
    return ["causes: " + ", ".join(f"{words} {_share(count, named['asked'])}" for words, count in said)] + [
        f"  another: case {case}, {fault}: {'; '.join(texts)}" for case, fault, texts in named["another"]
    ]


def _share(count: int, total: int) -> str:
    return f"{count:,} ({count / total:.1%})" if total else "none"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{counts[name]:,} {name}" for name in sorted(counts, key=lambda name: -counts[name])) or "none"


def _table(what: str, by: Row) -> list[str]:
    head = f"{what:30} {'sound':>8} {'false alarms':>13} {'faulty':>8} {'detected':>9}"
    return [head] + [
        f"{name:30} {one.get('sound', 0):>8} {one.get('false_alarms', 0):>13} {one.get('faulty', 0):>8} "
        f"{one.get('detected', 0):>9}"
        for name, one in by.items()
    ]
