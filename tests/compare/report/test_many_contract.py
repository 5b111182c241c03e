"""The contract of many files covers what the verdicts of one file are."""

from typing import get_args

from compare.report.contract import VerdictWord
from compare.report.many_contract import OutcomeWord
from compare.report.many_pairs import OUTCOMES


def test_every_verdict_is_an_outcome_and_every_outcome_has_a_place():
    """In the order of the worst, and in a colour."""
    assert set(get_args(VerdictWord)) < set(get_args(OutcomeWord))
    assert set(get_args(OutcomeWord)) == set(OUTCOMES)
