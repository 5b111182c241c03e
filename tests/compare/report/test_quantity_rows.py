"""Quantities as rows: flat, one field a column, numbers as numbers."""

import dataclasses
import math
from math import inf, nan

from compare.report.form import verify_form
from compare.report.quantity_rows import QuantityRow, quantity_rows
from compare.verdict.verdict import Verdict, Worst
from tests.compare.report.test_form import quantity, report


def rows(*quantities):
    return quantity_rows(verify_form([report(*quantities)], {})["pairs"][0])


def test_a_row_for_each_quantity_on_each_probe():
    """In their order, with what the form says of them."""
    first, second = rows(quantity("output"), quantity("grad/w", probe="ties", kink=True, verdict=Verdict.MISMATCH))
    assert (first.name, first.kind, first.probe, first.verdict) == ("output", "output", "batch", "match")
    assert (second.kind, second.probe, second.kink) == ("gradient", "ties", True)
    assert (first.gap, first.relative, first.worst_index) == (1.2e-16, 2.4e-16, (3, 7))
    assert (first.worst_reference, first.worst_port, first.bits_port) == (0.1, 0.25, 23.5)


def test_every_cell_is_a_plain_value():
    """No nest: a data frame has one column for each field, and no column of dictionaries."""
    (row,) = rows(quantity("output"))
    for name, value in dataclasses.asdict(row).items():
        assert isinstance(value, str | float | bool) or name == "worst_index", name
    assert list(dataclasses.asdict(row)) == list(QuantityRow.__dataclass_fields__)


def test_what_is_a_word_in_json_is_a_number_here():
    """Infinite, not a number, and relative to nothing."""
    first, second = rows(quantity("a", gap=inf, allowed=nan), quantity("b", scale=0.0, worst=None))
    assert first.gap == first.relative == inf
    assert math.isnan(first.allowed)
    assert math.isnan(second.relative)
    assert second.worst_index is None
    assert math.isnan(second.worst_port)


def test_entries_of_complex_numbers_are_complex():
    """Two numbers in JSON, words among them; one here."""
    entry = Worst((1,), complex(1.5, -inf), 2j)
    form = verify_form([report(quantity("output", worst=entry))], {})["pairs"][0]
    worst = form["quantities"][0]["worst"]
    assert worst == {"index": [1], "reference": [1.5, "-inf"], "port": [0.0, 2.0]}
    (row,) = quantity_rows(form)
    assert (row.worst_reference, row.worst_port) == (complex(1.5, -inf), 2j)
