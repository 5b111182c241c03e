"""Every planted fault: its verdict, its place and its cause, as its row says; without it, the pair is a match.

One test a row, so that each pair is verified once, on whichever worker its row comes to.
"""

import re
from typing import Any

import pytest

from compare.api import Report
from tests.compare.planted import attention, conv, mlp, recurrent, training
from tests.compare.planted.reports import ROWS, SOUND, report_of, sound_report_of
from tests.compare.planted.row import Planted

USERS_MODELS = True


def test_the_table_is_long_and_names_are_unique():
    """At least 64 faults, in every family of models, about as many in Linen as in NNX, and 60 with a cause to name."""
    names = [row.name for row in ROWS]
    linen, nnx = (sum(f"({framework})" in name for name in names) for framework in ("Linen", "NNX"))
    assert len(set(names)) == len(names) >= 64
    assert min(linen, nnx) > 0.4 * len(names)
    assert all(len(family.ROWS) >= 12 for family in (mlp, conv, recurrent, attention, training))
    assert sum(bool(row.setting) for row in ROWS) >= 60


@pytest.mark.parametrize("row", SOUND.values(), ids=lambda row: row.name)
def test_the_pair_without_the_fault_is_a_match(row):
    """What a row changes is all that is wrong with it."""
    report = sound_report_of(row)
    wrong = [(one.name, one.probe, one.verdict) for one in report.found.quantities if one.verdict != "match"]
    assert (report.verdict, wrong) == ("match", [])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_planted_fault_is_seen_placed_and_named(row):
    """Its verdict, in its direction alone; the first module that differs; the setting that is wrong."""
    report = report_of(row)
    assert report.verdict == row.verdict
    assert _direction(report, row) == row.direction
    if row.probe != "batch":
        assert {one.verdict.value for one in report.found.quantities if one.probe == "batch"} == {"match"}
    form = report.form["pairs"][0]
    first, causes = form["first_difference"], form["causes"]
    assert first is not None, form["explanation"]
    assert (first["reference"], first["direction"], first["probe"]) == (row.where, row.direction, row.probe)
    if row.setting:
        assert any(_is_named(row.setting, cause) for cause in causes), (causes, form["explanation"])
    else:
        assert not [cause for cause in causes if cause["certain"]]


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


def _is_named(setting: str, cause: dict[str, Any]) -> bool:
    """``weight_decay`` and "weight decay" are one name; "padding" is in "padding_mode"."""
    wanted, said = (set(re.findall(r"[a-z0-9]+", text.lower())) for text in (setting, cause["setting"]))
    return bool(cause["certain"]) and wanted <= said
