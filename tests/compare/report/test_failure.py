"""A failing pair in a few lines: causes with their modules, both places, and the line to mend."""

from typing import Any

import pytest

from compare.report.failure import cause_lines, failed, place_to_mend
from compare.report.form import verify_form
from compare.verdict.bits import PrecisionFlag
from compare.verdict.verdict import Verdict
from compare.verification.certificates import Teeth
from tests.compare.report.test_form import report
from tests.compare.report.test_where import CAUSE, FIRST


def pair(**given: Any) -> Any:
    return {"first_difference": FIRST, "causes": [CAUSE], **given}


def test_each_cause_is_a_line_and_both_places_are_another():
    assert list(cause_lines(pair(causes=[CAUSE, CAUSE | {"where": "", "places": 1}]))) == [
        "why: `enc.norm`, in 3 places: epsilon is 1e-06",
        "why: epsilon is 1e-06",
        "at: port port.py:9, reference net.py:7",
    ]


def test_what_is_not_known_is_left_out():
    """No place of the port, of either, nothing found at all."""
    assert list(cause_lines(pair(causes=[], first_difference=FIRST | {"place_port": ""}))) == ["at: reference net.py:7"]
    nowhere = FIRST | {"place_port": "", "place_reference": ""}
    assert list(cause_lines(pair(causes=[], first_difference=nowhere))) == []
    assert list(cause_lines(pair(causes=[], first_difference=None))) == []


@pytest.mark.parametrize(
    ("port", "reference", "place"),
    [
        ("a/port.py:9", "net.py:7", ("a/port.py", 9)),
        ("", "net.py:7", ("net.py", 7)),
        ("C:\\x\\port.py:12", "", ("C:\\x\\port.py", 12)),
        ("somewhere", "net.py:x", None),
        ("", "", None),
    ],
)
def test_the_line_to_mend_is_the_ports(port, reference, place):
    """The reference's where the port's is unknown."""
    assert place_to_mend(pair(first_difference=FIRST | {"place_port": port, "place_reference": reference})) == place


def test_without_a_first_difference_there_is_no_line():
    assert place_to_mend(pair(first_difference=None)) is None


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("flagged", [False, True])
@pytest.mark.parametrize("toothless", [False, True])
def test_it_fails_where_the_report_does(verdict, strict, flagged, toothless):
    """The same answer from the form as from the report that it was made of."""
    teeth = Teeth((), {"update": ()} if toothless else {})
    flag = PrecisionFlag("port", "output", "batch", 24.0, 11.0, 8192.0, 1, "TF32") if flagged else None
    made = report(verdict=verdict, precision=flag, teeth=teeth)
    form = verify_form([made], {})["pairs"][0]
    assert failed(form, strict) is made.failed(strict)
