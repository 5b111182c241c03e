"""What is said of a difference's size."""

from dataclasses import replace

from compare.explain.locate.difference import FORWARD, Difference, relative_gap
from compare.verdict.verdict import Judgement, Verdict

FIRST = Difference(FORWARD, "norm", "norm", "output of norm", "batch", "", 1e-3, 1e-12)


def test_the_gap_is_relative_to_the_quantitys_size():
    """What is allowed likewise; as they are where the size is zero."""
    one = Judgement(Verdict.MISMATCH, gap=6.0, allowed=3.0, scale=2.0)
    assert relative_gap(one) == (3.0, 1.5)
    assert relative_gap(replace(one, scale=0.0)) == (6.0, 3.0)


def test_the_size_in_words():
    """A reason stands for itself; beside a zero of the reference nothing is relative."""
    assert FIRST.size == "relative difference 1.0e-03, where rounding explains 1.0e-12"
    assert replace(FIRST, scale=0.0).size.startswith("zero in the reference, difference 1.0e-03")
    assert replace(FIRST, reason="shape (3,) in the reference").size == "shape (3,) in the reference"
