"""Rows of many files, as a run leaves them."""

from typing import Any

from compare.report.many_contract import ManyForm, PastForm, RowForm

CODES = {"match": 0, "float32_only": 0, "no pair": 0, "mismatch": 1, "incomplete": 1, "invalid": 1}


def past(*words: str, changed: tuple[int, str] = (-1, "")) -> list[PastForm]:
    """A run a day; ``changed``: before which, and what."""
    return [
        {
            "ended": f"2026-11-{day + 1:02}T02:14:31+00:00",
            "outcome": word,  # type: ignore[typeddict-item]
            "seconds": 4.0,
            "changed": [changed[1]] if day == changed[0] else [],
        }
        for day, word in enumerate(words)
    ]


def row(name: str, outcome: str = "match", **changed: Any) -> RowForm:
    """The row of a file."""
    runs = past(outcome)
    whole = {
        "name": name, "outcome": outcome, "code": CODES.get(outcome, 2), "seconds": 4.0, "ended": runs[-1]["ended"],
        "taken": False, "why": "new", "text": f"why {name}", "pairs": [], "past": runs, "kept": f"results/{name}.json",
    }  # fmt: skip
    return whole | changed  # type: ignore[return-value]


def many(*rows: RowForm, **changed: Any) -> ManyForm:
    """The whole."""
    form = {
        "schema": 1, "verdict": "match", "code": max(row["code"] for row in rows), "counts": {}, "engine": "processes",
        "at_once": 2, "seconds": 9.0, "store": ".jaxport", "index": ".jaxport/index.html", "rows": list(rows),
        "skipped": [],
    }  # fmt: skip
    return form | changed  # type: ignore[return-value]
