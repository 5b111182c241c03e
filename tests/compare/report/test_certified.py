"""The certificates in words."""

from dataclasses import replace

from compare.report.certified import LEFT_OUT, certificates
from compare.report.form import verify_form
from tests.compare.report.test_form import quantity, report


def lines(*quantities, **covered):
    made = report(*quantities)
    form = verify_form([replace(made, coverage=replace(made.coverage, **covered))], {})
    return list(certificates(form["pairs"][0]))


def said(word, given):
    return [text for margin, text in given if margin == word]


def test_what_was_left_out_is_explained_where_it_is_counted():
    """Each reason in its own line, none that left out nothing."""
    given = lines(left_out={"fills": 1, "flushed": 57243, "nonfinite": 0})
    assert "left out: 1 entry huge and alike on both sides (the fill of a mask)" in said("", given)
    (flushed,) = [text for text in said("", given) if "57,243" in text]
    assert "57,243 entries smaller than the smallest normal float32" in flushed
    assert "not finite" not in str(given)


def test_every_reason_has_its_words():
    """Those that the judge's own coverage counts."""
    assert set(LEFT_OUT) == set(report().coverage.left_out)


def test_an_uninformative_quantity_says_why_it_is():
    """Not the bare word."""
    assert said("", lines(uninformative=("output",))) == [
        "the same on every probe, so that agreeing there says little: output"
    ]


def test_limits_are_of_what_has_a_size():
    """A quantity that is zero on paper is counted apart: its limit is a number that means nothing."""
    (text,) = said("sees", lines(quantity("output"), quantity("grad/b", probe="zeros", scale=1e-40)))
    assert text.startswith("relative differences from 2.3e-13 (median; worst 2.3e-13); 1 quantity is zero in the ")
    assert text.endswith("(first grad/b on zeros)")
    assert "e+" not in text
    assert said("sees", lines(quantity("grad/b", scale=0.0))) == []
