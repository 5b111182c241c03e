"""The answer in a sentence, whatever the verdict is."""

from dataclasses import replace

from compare.explain.explain import Explanation
from compare.report.answer import answer, complaint, first_failure
from compare.report.form import verify_form
from compare.verdict.verdict import Verdict
from tests.compare.report.test_contract import EXPLANATION
from tests.compare.report.test_form import quantity, report


def pair(*quantities, **other):
    return verify_form([report(*quantities, **other)], {})["pairs"][0]


def test_a_match_is_said_with_what_was_compared():
    """One is one."""
    assert answer(pair()) == "the port is the same function: 2 quantities on 1 probe match"
    assert answer(pair(quantity("output"))) == "the port is the same function: 1 quantity on 1 probe matches"


def test_a_mismatch_is_said_by_where_and_why():
    """The explanation's sentence; in a test suite the first quantity and its size follow."""
    rows = quantity("output", verdict=Verdict.MISMATCH, gap=0.25), quantity("b", verdict=Verdict.MISMATCH)
    explained = pair(*rows, verdict=Verdict.MISMATCH, explanation=EXPLANATION)
    assert answer(explained).startswith("`enc` is the first module whose output differs")
    size = "relative difference 5.0e-01 at [3, 7], where rounding explains 2.3e-13; 1 more"
    first = f"mismatch: output on batch: {size}"
    assert complaint(explained) == f"{answer(explained)}\n{first}"
    for unexplained in (None, Explanation(None)):
        bare = pair(*rows, verdict=Verdict.MISMATCH, explanation=unexplained)
        assert answer(bare) == complaint(bare) == first


def test_a_reason_goes_before_numbers():
    """Of what only agrees to float32, or cannot be compared."""
    row = quantity("output", verdict=Verdict.FLOAT32_ONLY, reason="no_oracle")
    assert answer(pair(row, verdict=Verdict.FLOAT32_ONLY)) == "float32_only: output on batch: no_oracle"


def test_incomplete_names_three():
    """And how many more there are."""
    made = report(verdict=Verdict.INCOMPLETE)
    left = replace(made.coverage, not_compared=("a", "b"), drawn=("jax.random.normal, drawn by hand, at x.py:3", "d"))
    said = answer(verify_form([replace(made, coverage=left)], {})["pairs"][0])
    assert said == "incomplete: not compared: a, b, jax.random.normal, drawn by hand, at x.py:3 and 1 more"


def test_numbers_that_left_the_floats_are_words():
    """A size of zero, a gap that is infinite."""
    row = quantity("output", verdict=Verdict.MISMATCH, gap=float("inf"), scale=0.0, worst=None)
    said = first_failure(pair(row, verdict=Verdict.MISMATCH))
    assert said == "mismatch: output on batch: difference inf, where rounding explains 0.0e+00"
    strict = report(notices=("teeth: no mutant was caught by gradient",))
    assert first_failure(verify_form([strict], {})["pairs"][0]) == "match: teeth: no mutant was caught by gradient"
