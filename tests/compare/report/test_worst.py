"""The table of quantities: what is folded, what each width shows, what has no number."""

from io import StringIO

import pytest

from compare.report import terminal, worst
from compare.report.form import verify_form
from compare.report.worst import blind, reasons, show_quantities
from compare.verdict.verdict import Verdict
from tests.compare.report.test_form import quantity, report


def shown(quantities, verdict, width=120, every=False):
    pair = verify_form([report(*quantities, verdict=verdict)], {})["pairs"][0]
    out = terminal.console(StringIO())
    out.width = width
    show_quantities(pair, out, every)
    return out.file.getvalue().splitlines()


def many(count, verdict=Verdict.MISMATCH):
    """Each worse than the one before."""
    return [quantity(f"grad/w{place}", verdict=verdict, gap=10.0 ** (place - count)) for place in range(count)]


def names(lines):
    return [line.split()[0] for line in lines if line.startswith("grad/")]


def test_a_mismatch_is_folded_to_the_worst_ten():
    """The worst first; the last line counts the others by their verdict."""
    lines = shown([*many(12), quantity("output"), quantity("loss")], Verdict.MISMATCH)
    assert names(lines) == [f"grad/w{place}" for place in range(11, 1, -1)]
    worst = "the worst 10 of 14 rows, by verdict, then by gap / allowed"
    assert lines[-1] == f"{worst}; the other 4: 2 mismatch, 2 match (--every lists all)"


def test_the_first_is_the_worst_by_what_is_said():
    """Times what is allowed, not by the gap itself; where nothing is allowed, or the gap is no number, before all."""
    mismatch = {"verdict": Verdict.MISMATCH}
    rows = [*many(10), quantity("grad/none", **mismatch, gap=1e-9), quantity("grad/nan", **mismatch, gap=float("nan"))]
    pair = verify_form([report(*rows, verdict=Verdict.MISMATCH)], {})["pairs"][0]
    pair["quantities"][0]["allowed"] = 1e-30
    pair["quantities"][10]["allowed"] = 0.0
    out = terminal.console(StringIO())
    show_quantities(pair, out, False)
    assert names(out.file.getvalue().splitlines())[:4] == ["grad/none", "grad/nan", "grad/w0", "grad/w9"]


def test_every_folds_nothing():
    """All rows, in the order in which they were judged."""
    lines = shown(many(30), Verdict.MISMATCH, every=True)
    assert names(lines) == [f"grad/w{place}" for place in range(30)]
    assert "more" not in lines[-1]


@pytest.mark.parametrize(("count", "rows"), [(worst.WORST, worst.WORST), (worst.WORST + 1, worst.WORST)])
def test_what_can_be_read_is_not_folded(count, rows):
    """Ten differing quantities stand as they are."""
    assert len(names(shown(many(count), Verdict.MISMATCH))) == rows


def test_a_match_keeps_its_kinds_apart():
    """Up to twenty rows in their order: there is nothing to look for."""
    rows = many(worst.LISTED, Verdict.MATCH)
    assert names(shown(rows, Verdict.MATCH)) == [f"grad/w{place}" for place in range(worst.LISTED)]
    assert len(names(shown([*rows, quantity("output")], Verdict.MATCH))) == worst.WORST


@pytest.mark.parametrize(("width", "heads"), [(120, worst.SHOWN[0]), (90, worst.SHOWN[1]), (50, worst.SHOWN[2])])
def test_narrow_tables_have_fewer_numbers(width, heads):
    """No name is broken before a column is left out."""
    head = shown([quantity("grad/w")], Verdict.MATCH, width)[0]
    assert [word for word in worst.NUMBERS if word in head] == list(heads)


def test_a_screen_narrower_than_any_table_shows_records():
    """One number a line, under the quantity's name."""
    lines = shown([quantity("grad/w", gap=0.5)], Verdict.MATCH, 24)
    assert lines == ["grad/w", "  worst on  batch", "  verdict   match", "  gap       5.0e-01", "  allowed   1.1e-13"]


def test_a_limit_of_the_quantitys_own_size_sees_nothing():
    """4.7e+21 is no relative difference that anybody could have."""
    form = verify_form([report(quantity("grad/b", scale=1e-40), quantity("grad/w"))], {})["pairs"][0]
    assert [blind(one) for one in form["quantities"]] == [True, False]
    row = shown([quantity("grad/b", scale=1e-40)], Verdict.MATCH, every=True)[2]
    assert "nothing" in row
    assert "e+" not in row


def test_a_reason_is_said_once():
    """With the first quantity that has it, and how many more; never of a match."""
    rows = [quantity(name, verdict=Verdict.INVALID, reason="NaN") for name in ("output", "grad/w", "grad/b")]
    form = verify_form([report(*rows, quantity("loss", reason="a notice"))], {})["pairs"][0]
    assert list(reasons(form["quantities"])) == ["output and 2 more: NaN"]
