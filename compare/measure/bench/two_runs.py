"""Two runs of the benchmark on one machine, one against the other: what a new version, or a change, did to each row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.errors import UsageError
from compare.measure.bench.question import EAGER
from compare.measure.bench.ratios import Ratio, Rounds, unpaired, worded

Form = Mapping[str, Any]  # of ``jaxport bench --json``
MACHINE = ("device", "device_name", "processor", "system", "cores")
ASKED = ("pair", "batch", "precision", "threads", "title", "processes", "forced")


@dataclass(frozen=True)
class Changed:
    """One row of both runs: seconds for a step in each, and how many times as fast the second is."""

    name: str
    before: float
    after: float
    by_wall: Ratio
    by_processor: Ratio


@dataclass(frozen=True)
class TwoRuns:
    """What became of each row that both runs timed.

    Attributes:
        versions: of what is not the same in both: name to (before, after).
        noise: the larger of both; where torch is the same, at least what became of torch eager, which did not change.
        only: rows that one of them has alone.
    """

    rows: tuple[Changed, ...]
    versions: Mapping[str, tuple[str, str]]
    noise: float
    only: tuple[str, ...]


def between(before: Form, after: Form, seed: int = 0) -> TwoRuns:
    """The second run against the first.

    Raises:
        UsageError: they are of two machines or of two questions, or a machine was not quiet.
    """
    for where, names in ((lambda form: form["environment"], MACHINE), (lambda form: form, ASKED)):
        for name in names:
            one, other = where(before)[name], where(after)[name]
            if one != other:
                raise UsageError(
                    f"two runs can be compared on one machine and of one question: {name} is {one!r} and {other!r}"
                )
    for form in (before, after):
        if form["unpublished"]:
            raise UsageError(
                f"one of the runs publishes no ratio, so there is none between them: {form['unpublished']}"
            )
    noise, versions = max(before["noise"], after["noise"]), _versions(before, after)
    first, second = (_timed(form) for form in (before, after))
    if "torch" not in versions:
        noise = max(noise, abs(first[EAGER]["median"] / second[EAGER]["median"] - 1))
    rows = []
    for name in first:
        if name in second:
            wall, processor = (
                worded(unpaired(_rounds(first[name], place), _rounds(second[name], place), seed), noise)
                for place in (0, 1)
            )
            rows.append(Changed(name, first[name]["median"], second[name]["median"], wall, processor))
    return TwoRuns(tuple(rows), versions, noise, tuple(sorted(set(first) ^ set(second))))


def _timed(form: Form) -> dict[str, Form]:
    return {row["name"]: row for row in form["rows"] if row["median"] is not None and not row["stopped"]}


def _rounds(row: Form, place: int) -> list[Rounds]:
    """Of each process, wall (0) or processor seconds (1) of every round."""
    return [np.array(process[place]) for process in row["samples"]]


def _versions(before: Form, after: Form) -> dict[str, tuple[str, str]]:
    one, other = (
        {**form["environment"]["versions"], "Python": form["environment"]["python"]} for form in (before, after)
    )
    return {name: (str(one[name]), str(other.get(name))) for name in one if one[name] != other.get(name)}
