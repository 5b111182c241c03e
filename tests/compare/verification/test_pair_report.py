"""What counts as not matched."""

from dataclasses import replace

import pytest

from compare.verdict.bits import PrecisionFlag
from compare.verdict.verdict import Verdict
from compare.verification.certificates import Coverage, Teeth
from compare.verification.pair_report import PairReport

COVERED = Coverage({}, 0, (), (), (), (), {}, (), (), {})
REPORT = PairReport("pair", "", Verdict.MATCH, "cpu", "float32", (), None, COVERED, Teeth((), {}), (), ())
FLAG = PrecisionFlag("port", "output", "batch", 20.0, 9.0, 100.0, 1, "bfloat16")


@pytest.mark.parametrize(
    ("changes", "failed", "strictly"),
    [
        ({}, False, False),
        ({"verdict": Verdict.FLOAT32_ONLY}, False, True),
        ({"verdict": Verdict.INCOMPLETE}, True, True),
        ({"verdict": Verdict.MISMATCH}, True, True),
        ({"verdict": Verdict.INVALID}, True, True),
        ({"precision": FLAG}, False, True),
        ({"teeth": Teeth(("a mutant",), {"output": ()})}, False, True),
    ],
)
def test_strictly_more_counts_as_failed(changes, failed, strictly):
    """A notice is none for ``--strict``."""
    report = replace(REPORT, **changes)
    assert (report.failed(), report.failed(strict=True)) == (failed, strictly)
