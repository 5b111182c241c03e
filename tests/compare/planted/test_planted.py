"""Every planted fault has the verdict that its row says, and the pair that it is planted in is a match without it."""

import pytest

from tests.compare.planted import attention, conv, mlp, recurrent, training
from tests.compare.planted.reports import ROWS, SOUND, report_of, sound_report_of
from tests.compare.planted.row import Planted

USERS_MODELS = True


@pytest.fixture(scope="module", params=ROWS, ids=lambda row: row.name)
def row(request):
    """One row after the other, so that one worker has all tests of a row and verifies it once."""
    return request.param


def differing(row: Planted) -> list[str]:
    """The quantities of the faulty pair that are no match, on the probe that the row names."""
    found = report_of(row).found.quantities
    return [one.name for one in found if one.verdict != "match" and one.probe == row.probe]


def test_the_table_is_long_and_names_are_unique():
    """At least 64 faults, in every family of models, about as many in Linen as in NNX."""
    names = [row.name for row in ROWS]
    linen, nnx = (sum(f"({framework})" in name for name in names) for framework in ("Linen", "NNX"))
    assert len(set(names)) == len(names) >= 64
    assert min(linen, nnx) > 0.4 * len(names)
    assert all(len(family.ROWS) >= 12 for family in (mlp, conv, recurrent, attention, training))


@pytest.mark.parametrize("row", SOUND.values(), ids=lambda row: row.name)
def test_the_pair_without_the_fault_is_a_match(row):
    """What a row changes is all that is wrong with it."""
    report = sound_report_of(row)
    wrong = [(one.name, one.probe, one.verdict) for one in report.found.quantities if one.verdict != "match"]
    assert (report.verdict, wrong) == ("match", [])


def test_a_planted_fault_has_its_verdict(row):
    """The faulty pair's worst quantity is as bad as the row says, on the probe that it names."""
    assert report_of(row).verdict == row.verdict
    assert differing(row)


def test_a_planted_fault_shows_in_its_direction_alone(row):
    """Outputs differ for a fault of the forward pass and for no other; a loss, an update, a statistic likewise."""
    names = differing(row)
    kinds = {
        "forward": any(name.split("/")[0] == "output" for name in names),
        "loss": "loss" in names,
        "backward": any(name.startswith("grad/") for name in names),
        "update": any("update/" in name for name in names),
        "statistics": any(name.startswith("state/") for name in names),
    }
    order = ["forward", "loss", "backward", "update", "statistics"]
    assert next(kind for kind in order if kinds[kind]) == row.direction


@pytest.mark.parametrize("row", [row for row in ROWS if row.probe != "batch"], ids=lambda row: row.name)
def test_a_fault_that_only_a_probe_shows_is_hidden_from_the_batch(row):
    """Nothing differs on the pair's own batch."""
    found = report_of(row).found.quantities
    assert {one.verdict.value for one in found if one.probe == "batch"} == {"match"}
