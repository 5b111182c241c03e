"""The verdict on a pair, and what counts as not matched."""

from dataclasses import replace

import pytest

from compare.verdict.bits import PrecisionFlag
from compare.verdict.quantity import Quantity
from compare.verdict.verdict import Judgement, Verdict
from compare.verification.certificates import Coverage, Teeth
from compare.verification.pair_report import PairReport, verdict_of

COVERED = Coverage({}, 0, (), (), (), (), (), (), {}, (), (), {})
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
        ({"lowered": "bfloat16 inside, on both sides: a.py:1 and b.py:2"}, False, True),
    ],
)
def test_strictly_more_counts_as_failed(changes, failed, strictly):
    """A notice is none for ``--strict``."""
    report = replace(REPORT, **changes)
    assert (report.failed(), report.failed(strict=True)) == (failed, strictly)


@pytest.mark.parametrize(
    ("verdicts", "not_compared", "expected"),
    [
        (("match", "match"), (), "match"),
        (("match", "float32_only"), (), "float32_only"),
        (("match",), ("grad/w",), "incomplete"),
        (("float32_only",), ("grad/w",), "incomplete"),
        (("mismatch", "match"), ("grad/w",), "mismatch"),
        ((), (), "incomplete"),
    ],
)
def test_a_pair_is_as_good_as_its_worst_quantity(verdicts, not_compared, expected):
    """And at best incomplete where something was left out, or where there was nothing."""
    quantities = [Quantity(f"output/{i}", "output", "batch", Judgement(Verdict(one))) for i, one in enumerate(verdicts)]
    assert verdict_of(quantities, replace(COVERED, not_compared=not_compared)) == expected
    assert verdict_of(quantities, replace(COVERED, drawn=not_compared)) == expected
