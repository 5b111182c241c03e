"""The table of what each way can do, and the code of a row, on a terminal."""

import io
from dataclasses import asdict

from rich.console import Console

from compare.measure.contrast.capability import Capability, Cell
from compare.report.capability_table import show_capabilities, show_code

WORKS = Cell("works", "", "def jacobian(given):\n    return 1\n", 2.0)
OTHER = Cell("works with other code", "TypeError: no such thing", "def jacobian_otherwise(given):\n    return 2\n", 1.0)
ROW = Capability("jacobian", "Jacobian", True, WORKS, OTHER, "match")
FORM = {"pair": "mlp", "capabilities": [{**asdict(ROW), "ratio": ROW.ratio}]}


def shown(show, width=140):
    """What is printed."""
    out = Console(file=io.StringIO(), width=width)
    show(out)
    return out.file.getvalue()


def test_a_row():
    """Each side's outcome, the judge's word, the ratio of the times, and what the plain way raised."""
    text = shown(lambda out: show_capabilities(FORM, out))
    assert "works with other code" in text
    assert "match" in text
    assert "2.0x" in text
    assert "jacobian, JAX: TypeError: no such thing" in text
    assert "torch / JAX" in text
    assert "processor time, torch / JAX  2.0x" in shown(lambda out: show_capabilities(FORM, out), 50)
    assert max(map(len, shown(lambda out: show_capabilities(FORM, out), 50).splitlines())) <= 50


def test_no_column_where_nothing_was_timed():
    """As on a GPU."""
    form = {**FORM, "capabilities": [{**FORM["capabilities"][0], "ratio": None}]}
    text = shown(lambda out: show_capabilities(form, out))
    assert "match" in text
    assert "processor" not in text


def test_nothing_where_nobody_asked():
    """No heading without rows."""
    assert shown(lambda out: show_capabilities({"capabilities": []}, out)) == ""


def test_the_code_of_a_row():
    """Both functions as they ran, and what the plain way raised."""
    text = shown(lambda out: show_code(FORM["capabilities"][0], out))
    assert "def jacobian(given):" in text
    assert "def jacobian_otherwise(given):" in text
    assert "JAX: the plain way raised TypeError: no such thing" in text
