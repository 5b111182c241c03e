"""Every planted fault is located: the first module that differs, in which direction, and the setting that is wrong."""

import re
from typing import Any

import pytest

from tests.compare.planted.reports import ROWS, report_of
from tests.compare.planted.row import Planted

USERS_MODELS = True
NAMED = [row for row in ROWS if row.setting]


@pytest.fixture(scope="module", params=ROWS, ids=lambda row: row.name)
def row(request):
    """One row after the other, so that one worker has all tests of a row and verifies it once."""
    return request.param


def form(row: Planted) -> dict[str, Any]:
    return report_of(row).form["pairs"][0]


def words(setting: str) -> set[str]:
    """``weight_decay`` and "weight decay" are one name; "padding" is in "padding_mode"."""
    return set(re.findall(r"[a-z0-9]+", setting.lower()))


def located(row: Planted) -> bool:
    first = form(row)["first_difference"]
    return first is not None and (first["reference"], first["direction"]) == (row.where, row.direction)


def named(row: Planted) -> bool:
    """Whether the first cause is certain and is the row's setting."""
    causes = form(row)["causes"]
    return bool(causes) and causes[0]["certain"] and words(row.setting) <= words(causes[0]["setting"])


def test_the_first_difference_is_where_the_fault_is(row):
    """The module, the direction and the probe that the row says."""
    first = form(row)["first_difference"]
    assert first is not None
    assert (first["reference"], first["direction"], first["probe"]) == (row.where, row.direction, row.probe)


def test_the_cause_is_named_where_anybody_could(row):
    """The first cause is certain, and is the setting that the row says; without one, nothing is certain."""
    causes = form(row)["causes"]
    if row.setting:
        assert named(row), causes
    else:
        assert not [cause for cause in causes if cause["certain"]]


def test_most_faults_are_located_and_named():
    """At least 50 of at least 60, each by its place and its setting."""
    found = [row.name for row in NAMED if located(row) and named(row)]
    assert len(NAMED) >= 60
    assert len(found) >= 50
