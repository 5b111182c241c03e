"""Lines that end where their text ends."""

from io import StringIO

import pytest
from rich.console import Console
from rich.text import Text

from compare.report.pieces import paragraph, table
from compare.report.unpadded import Unpadded


def shown(*items: object, **options: object) -> str:
    out = Console(file=StringIO(), width=40, **options)
    out.push_render_hook(Unpadded())
    for item in items:
        out.print(item)
    return out.file.getvalue()


def filled():
    rows = table("name", "reason")
    rows.add_row("a", "a long reason")
    rows.add_row("b", "")
    return rows


def test_the_fault_that_it_mends():
    """Without it a table's rows are as long as its longest."""
    plain = Console(file=StringIO(), width=40)
    plain.print(filled())
    assert any(line != line.rstrip() for line in plain.file.getvalue().splitlines())


@pytest.mark.parametrize("colours", [{}, {"force_terminal": True, "color_system": "standard"}])
def test_no_line_ends_in_blanks(colours):
    """Of a table, of a paragraph, of a text; colours or not."""
    text = shown(filled(), paragraph("why", "one two three four five six seven eight nine"), Text("x  "), **colours)
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


def test_nothing_else_is_lost():
    """Empty lines, blanks within and before a text, and lines that are not to be broken."""
    assert shown("a  b", "", "  c") == "a  b\n\n  c\n"
    out = Console(file=StringIO(), width=10)
    out.push_render_hook(Unpadded())
    out.print("x" * 30, soft_wrap=True)
    out.print()
    assert out.file.getvalue() == "x" * 30 + "\n\n"
