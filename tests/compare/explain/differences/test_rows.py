"""The rows: each one's codes are written with names that exist, and a handful is run."""

import ast

import pytest

from compare.explain.differences.difference_row import Row
from compare.explain.differences.public_names_read import names_called, reference_name, resolved
from compare.explain.differences.run_row import difference
from compare.explain.differences.table import every_row, rows_of
from compare.frameworks.names_in_code import PORT_MODULES, REFERENCE_MODULES

USERS_MODELS = True
ROWS = [row for _, row in every_row() if isinstance(row, Row)]


def test_every_code_is_written_with_names_that_exist():
    """On both sides, in this version; of torch, at least one of those that a row gives."""
    missing = []
    for row in ROWS:
        if not any(resolved(reference_name(code)) for code in row.reference):
            continue  # a newer torch's
        codes = [code for port in row.ports for code in (port.plain, port.adapted) if code]
        missing += [name for code in codes for name in names_called(code, PORT_MODULES) if resolved(name) is None]
        missing += [
            name for code in row.reference[:1] for name in names_called(code, REFERENCE_MODULES) if not resolved(name)
        ]
    assert missing == []


def test_every_row_has_a_counterpart_or_a_note():
    """A counterpart or a note; a code that parses; a reason only where there is a code that it is of."""
    for row in ROWS:
        assert row.ports or row.note, row.reference
        for port in row.ports:
            assert port.code or port.equal, row.reference
            assert ast.parse(port.adapted, mode="eval")
            assert port.adapted != port.plain or not port.equal, row.reference


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("F.softplus", "2e-09", "equal"),
        ("F.embedding", "equal", ""),
        ("F.pairwise_distance", "5e-07", "equal"),
        ("nn.LayerNorm", "1e-04", "equal"),
        ("torch.median", "3e-01", "equal"),
        ("F.hardsigmoid", "1e-08", ""),
    ],
)
def test_a_row_is_what_its_codes_do(name, first, second):
    """As written, and with what makes it equal."""
    one = difference(rows_of(name)[0][1], "")
    assert one.fault == ""
    facing = one.ports[0]
    told = ["equal" if form.equal else f"{form.apart.worst:.0e}" for form in (facing.plain, facing.adapted) if form]
    assert told == [word for word in (first, second) if word]
