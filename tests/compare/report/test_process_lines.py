"""A reference in several processes, in a sentence."""

from typing import Any

import pytest

from compare.report.process_lines import in_processes_in_words

STEP = {"step": 1, "verdict": "match", "worst": "loss", "gap": 0.0, "allowed": 1e-12}
WRONG = {"step": 2, "verdict": "mismatch", "worst": "step2/update/a", "gap": 0.5, "allowed": 1e-12}


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"verdict": "match", "steps": [STEP]}, "takes the steps of one process: all of 1 match"),
        (
            {"verdict": "mismatch", "steps": [STEP, WRONG], "cause": "why"},
            "leaves one process in step 2, at step2/update/a (gap 5.0e-01, where rounding explains 1.0e-12): why",
        ),
        (
            {"verdict": "float32_only", "steps": [STEP, WRONG | {"verdict": "float32_only"}]},
            "takes the steps of one process to float32, though not in float64: first in step 2, at step2/update/a "
            "(gap 5.0e-01, where rounding explains 1.0e-12)",
        ),
        ({"verdict": "mismatch", "steps": [STEP], "cause": "process 1 is apart"}, "is a mismatch: process 1 is apart"),
    ],
)
def test_where_it_leaves_one_process_and_why(form: dict[str, Any], said: str):
    """Or that it never does."""
    whole: Any = {"processes": 2, "cause": "", "port": "match", **form}
    assert in_processes_in_words(whole) == f"the reference in 2 processes {said}"
