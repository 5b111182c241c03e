"""What is said of every pair: who was accused, excused or could not start, by network, with bounds on each rate.

The draws of one network are no independent samples, so a network counts once, whichever of its draws it was.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from scipy.stats import beta

Row = dict[str, Any]
PASSED = ("match", "float32_only")
CONFIDENCE = 0.95
PROVED = 2.0**10  # times rounding: further apart in float64, the sound port of a network is none


def refused(row: Row) -> bool:
    """Whether the sound port could not be compared: exit code 2 for a port that is right."""
    return bool(row["sound"]["verdict"] == "refused")


def accused(row: Row) -> bool:
    """Whether the sound port is called anything that does not pass."""
    return row["sound"]["verdict"] not in (*PASSED, "refused")


def excused(row: Row) -> bool:
    """Whether the faulty port passes, and its fault is one."""
    return row.get("equivalent") is False and row["faulty"]["verdict"] in PASSED


def is_faulty(row: Row) -> bool:
    """Whether the faulty port was compared, and its fault is one."""
    return row.get("equivalent") is False and row["faulty"]["verdict"] != "refused"


def unproved(row: Row) -> bool:
    """Whether a port that is drawn as sound is further from its reference in float64 than rounding explains."""
    return bool(row.get("proved", 0.0) > PROVED)


def upper(count: int, total: int, confidence: float = CONFIDENCE) -> float:
    """Clopper and Pearson's upper bound of a rate, one-sided; 1 where nothing was tried."""
    return float(beta.ppf(confidence, count + 1, total - count)) if count < total else 1.0


def in_words(count: int, total: int) -> str:
    """ "0 of 2,000, below 0.15 % at 95 %"; two digits, rounded upwards."""
    if not total:
        return "none tried"
    bound = 100 * upper(count, total)
    digits = 2 if bound < 1 else 1
    rounded = -(-bound * 10**digits // 1) / 10**digits
    return f"{count:,} of {total:,}, below {rounded:.{digits}f} % at {CONFIDENCE:.0%}".replace("95%", "95 %")


def bounds(rows: list[Row]) -> Row:
    """The three counts with their bounds, and whom they name."""
    networks = {row["case"] for row in rows}
    tried = {row["case"] for row in rows if not refused(row)}
    wrong = {row["case"] for row in rows if is_faulty(row)}
    named = {
        "accused": [row for row in rows if accused(row)],
        "excused": [row for row in rows if excused(row)],
        "refused": [row for row in rows if refused(row)],
    }
    totals = {"accused": len(tried), "excused": len(wrong), "refused": len(networks)}
    form: Row = {"confidence": CONFIDENCE, "unproved": sorted({row["case"] for row in rows if unproved(row)})}
    for name, which in named.items():
        count = len({row["case"] for row in which})
        form[name] = {
            "count": count, "of": totals[name], "below": upper(count, totals[name]),
            "words": in_words(count, totals[name]), "cases": [_line(name, row) for row in _firsts(which)],
        }  # fmt: skip
    return form | {"by_trait": by_trait(rows)}


def _firsts(rows: Iterable[Row]) -> list[Row]:
    """One row of each network."""
    return list({row["case"]: row for row in reversed(list(rows))}.values())[::-1]


def _line(name: str, row: Row) -> str:
    """The case, what was said, and what there is in it."""
    told = row["faulty" if name == "excused" else "sound"]
    worst = told.get("worst") or []
    why = told.get("why") or (f"{worst[0][0]}: {worst[0][4] or 'apart'}" if worst else "")
    what = ", ".join(row.get("traits", [])) or row["family"]
    fault = f"; fault: {row['fault']}, {row['relative']:.1e}" if name == "excused" else ""
    return f"{row['case']}: {told['verdict']}{fault}; {row['flavour']}, {what}; {why[:160]}".rstrip("; ")


def by_trait(rows: Iterable[Row]) -> Row:
    """The counts of the networks that have each trait; a network has several."""
    seen: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    kinds = {"accused": accused, "excused": excused, "refused": refused, "faulty": is_faulty}
    for row in rows:
        for trait in row.get("traits", []):
            seen[trait]["networks"].add(row["case"])
            for name, holds in kinds.items():
                if holds(row):
                    seen[trait][name].add(row["case"])
    return {trait: dict(Counter({name: len(cases) for name, cases in seen[trait].items()})) for trait in sorted(seen)}


def lines(form: Row) -> list[str]:
    """The counts as they are printed."""
    printed = [
        f"sound networks accused: {form['accused']['words']}",
        f"faulty networks excused: {form['excused']['words']}",
        f"sound networks that could not start: {form['refused']['words']}",
    ]
    if form["unproved"]:
        printed.append(f"drawn as sound, not proved: {', '.join(map(str, form['unproved']))}")
    if form["by_trait"]:
        columns = ("networks", "accused", "refused", "faulty", "excused")
        printed += ["", f"{'what strangers write':35} " + " ".join(f"{name:>9}" for name in columns)]
        printed += [
            f"{trait:35} " + " ".join(f"{counts.get(name, 0):>9}" for name in columns)
            for trait, counts in form["by_trait"].items()
        ]
    for name in ("accused", "excused", "refused"):
        if form[name]["cases"]:
            printed += ["", f"{name}, by case", *(f"  {line}" for line in form[name]["cases"])]
    return printed
