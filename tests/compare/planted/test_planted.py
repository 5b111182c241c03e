"""Every planted fault: its verdict, its place and its cause, as its row says; without it, the pair is a match.

One test a row, so that each pair is verified once, on whichever worker its row comes to.
"""

import pytest

from tests.compare.planted import attention, conv, mlp, recurrent, training
from tests.compare.planted.reports import ROWS, SOUND, report_of, sound_report_of, told

USERS_MODELS = True


def test_the_table_is_long_and_names_are_unique():
    """At least 200 faults, in every family of models, a third of them in Linen as in NNX, and 150 with a cause to
    name."""
    names = [row.name for row in ROWS]
    linen, nnx = (sum(f"({framework})" in name for name in names) for framework in ("Linen", "NNX"))
    assert len(set(names)) == len(names) >= 200
    assert min(linen, nnx) > len(names) / 3
    assert all(len(family.ROWS) >= 12 for family in (mlp, conv, recurrent, attention, training))
    assert sum(bool(row.setting) for row in ROWS) >= 150


@pytest.mark.parametrize("row", SOUND.values(), ids=lambda row: row.name)
def test_the_pair_without_the_fault_is_a_match(row):
    """What a row changes is all that is wrong with it."""
    report = sound_report_of(row)
    wrong = [(one.name, one.probe, one.verdict) for one in report.found.quantities if one.verdict != "match"]
    assert (report.verdict, wrong) == ("match", [])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_planted_fault_is_seen_placed_and_named(row):
    """Its verdict, in its direction alone; the first module that differs; the setting that is wrong."""
    told(report_of(row), row)
