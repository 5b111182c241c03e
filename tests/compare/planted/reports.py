"""Every row of the table, what is said of a pair (verified once, however many tests ask), and what must be."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from compare.api import Report, verify
from compare.pair.pair import Pair
from tests.compare.planted import (
    attention,
    complex_numbers,
    conv,
    derivatives,
    flows,
    functions,
    images,
    kernels,
    kinds,
    lowered,
    mlp,
    numbers,
    objectives,
    oracles,
    recurrent,
    saturated,
    sequences,
    training,
)
from tests.compare.planted.row import Planted

ROWS = [
    *mlp.ROWS, *conv.ROWS, *recurrent.ROWS, *attention.ROWS, *training.ROWS, *numbers.ROWS, *oracles.ROWS,
    *saturated.ROWS,
    *kernels.ROWS,
    *complex_numbers.ROWS,
    *lowered.ROWS,
    *kinds.ROWS,
    *functions.ROWS,
    *sequences.ROWS,
    *objectives.ROWS,
    *derivatives.ROWS,
    *images.ROWS,
    *flows.ROWS,
]  # fmt: skip
SOUND = {row.sound: row for row in ROWS}  # each distinct sound pair under the last row that shares it


def report_of(row: Planted, device: str = "cpu") -> Report:
    """The report on the faulty pair: of the batch alone, where the fault shows there."""
    return _verified(row.pair, row.probe == "batch", device)


def sound_report_of(row: Planted) -> Report:
    """The report on the pair without the fault, as thorough as that on the faulty one."""
    return _verified(row.sound, row.probe == "batch", "cpu")


def told(report: Report, row: Planted) -> None:
    """Asserts that the report has the row's verdict, its direction, its place and its cause."""
    assert report.verdict == row.verdict
    assert _direction(report, row) == row.direction
    if row.probe != "batch":
        assert {one.verdict.value for one in report.found.quantities if one.probe == "batch"} == {"match"}
    form = report.form["pairs"][0]
    first, causes = form["first_difference"], form["causes"]
    assert first is not None, form["explanation"]
    assert (first["reference"], first["direction"], first["probe"]) == (row.where, row.direction, row.probe)
    if row.setting:
        assert any(is_named(row, cause) for cause in causes), (causes, form["explanation"])
    else:
        assert not [cause for cause in causes if cause["certain"]]


@cache
def _verified(build: Callable[[], Pair], quick: bool, device: str) -> Report:
    return verify(build(), device=device, quick=quick)


def _direction(report: Report, row: Planted) -> str:
    """What the quantities that differ on the row's probe tell: outputs differ for a fault of the forward pass and for
    no other; a loss, an update, a statistic likewise."""
    found = report.found.quantities
    names = [one.name for one in found if one.verdict != "match" and one.probe == row.probe]
    kinds = {
        "forward": any(name.split("/")[0] == "output" for name in names),
        "loss": "loss" in names,
        "backward": any(name.startswith("grad/") for name in names),
        "update": any("update/" in name for name in names),
        "statistics": any(name.startswith("state/") for name in names),
    }
    return next((kind for kind, shows in kinds.items() if shows), "none")


def is_named(row: Planted, cause: dict[str, Any]) -> bool:
    """``weight_decay`` and "weight decay" are one name; "padding" is in "padding_mode"."""
    wanted, said = (set(re.findall(r"[a-z0-9]+", text.lower())) for text in (row.setting, cause["setting"]))
    return bool(cause["certain"]) and wanted <= said and row.port in ("", cause["port"])
