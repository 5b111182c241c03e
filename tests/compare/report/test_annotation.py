"""Workflow commands: the line that differs, the text escaped, and nothing for a match."""

from typing import Any

import pytest

from compare.report.annotation import annotations, workflow_command
from tests.compare.report.test_where import CAUSE, FIRST, SAID

TEETH = {"mutants": [], "caught": {}, "toothless": []}


def pair(verdict: str = "mismatch", **given: Any) -> Any:
    explanation = {"explanation": SAID, "first_difference": FIRST, "causes": [CAUSE]} if verdict == "mismatch" else {}
    nothing = {"explanation": None, "first_difference": None, "causes": [], "precision": None, "teeth": TEETH}
    quantity = {"name": "output", "probe": "batch", "verdict": verdict, "reason": "no_oracle: why", "gap": 1.0,
                "scale": 1.0, "allowed": 0.1, "worst": None}  # fmt: skip
    listed = {"pair": "enc", "verdict": verdict, "quantities": [quantity], "notices": ["a notice"]}
    return {**listed, **nothing, **explanation, **given}


def test_a_mismatch_is_an_error_at_the_ports_line():
    """The sentence, the cause and both places, on one line of the log."""
    (line,) = annotations(pair(), "x_pair.py")
    assert line == (
        "::error file=port.py,line=9,title=enc%3A mismatch::`enc.norm` is the first."
        "%0Awhy: `enc.norm`, in 3 places: epsilon is 1e-06%0Aat: port port.py:9, reference net.py:7"
    )


@pytest.mark.parametrize("place", ["", "/usr/lib/python3/site-packages/lib.py:3", "nowhere"])
def test_a_line_outside_the_repository_is_the_pairs_own_file(place):
    """Nothing can be shown beside it."""
    first = FIRST | {"place_port": place, "place_reference": ""}
    (line,) = annotations(pair(first_difference=first), "x_pair.py")
    assert line.startswith("::error file=x_pair.py,line=1,title=")


def test_float32_only_warns_and_is_an_error_where_notices_count():
    (line,) = annotations(pair("float32_only"), "x_pair.py")
    text = "file=x_pair.py,line=1,title=enc%3A float32_only::float32_only: output on batch: no_oracle: why"
    assert line == f"::warning {text}"
    assert annotations(pair("float32_only"), "x_pair.py", strict=True) == [f"::error {text}"]


def test_a_match_says_nothing_unless_a_notice_counts():
    toothless = pair("match", teeth=TEETH | {"toothless": ["update"]})
    assert annotations(pair("match"), "x_pair.py", strict=True) == annotations(toothless, "x_pair.py") == []
    (line,) = annotations(toothless, "x_pair.py", strict=True)
    assert line.endswith("title=enc%3A match::a notice%0Ano mutant was caught by: update")


def test_no_text_ends_the_command_or_begins_another():
    """Line ends and per cent everywhere; colons and commas where properties are told apart by them."""
    command = workflow_command("error", "50%\r\n::error::x, y", file="a,b:c%.py", title="p\nq")
    assert command == "::error file=a%2Cb%3Ac%25.py,title=p%0Aq::50%25%0D%0A::error::x, y"
