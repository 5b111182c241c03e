"""HTML whose prose is wrapped by the browser and whose tables scroll."""

import re

from rich.table import Table
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from rich.text import Text

from compare.report.captured import html_block
from compare.report.flowing import Flowing
from compare.report.pieces import paragraph, table
from tests.compare.report.test_captured import Tree, mixed

LONG = " ".join(f"word{place}" for place in range(200))


def shown(*items):
    out = Flowing(60, DEFAULT_TERMINAL_THEME)
    for item in items:
        out.print(*item)
    return out.html()


def rows() -> Table:
    filled = table("name", "reason")
    filled.add_row("a", "a long reason")
    filled.add_row("b", "")
    return filled


def test_prose_is_one_line_that_wraps():
    """However long: no line is broken, each may be wrapped, and none is scrolled."""
    html = shown([paragraph("answer", Text(LONG, style="bold"))], [Text(LONG)])
    assert Tree(html).text.splitlines() == [f"answer     {LONG}", LONG]
    assert "overflow-x" not in html
    assert html.count("white-space:pre-wrap") == 1
    assert html.count("white-space") == 1


def test_what_is_wrapped_hangs_below_its_own_text():
    """Beside the word in the margin, in the second line of a paragraph as in the first."""
    html = shown([paragraph("why", "one\ntwo")])
    assert Tree(html).text.splitlines() == ["why        one", "           two"]
    assert html.count("padding-left:11ch;text-indent:-11ch") == 2


def test_a_table_keeps_its_columns_and_scrolls():
    html = shown([rows()], [Text("after")], [])
    inside = re.search(r'<div style="white-space:pre;overflow-x:auto">(.*?)</div>', html, re.DOTALL)[1]
    assert [line.split() for line in Tree(inside).text.splitlines()][2:] == [["a", "a", "long", "reason"], ["b"]]
    assert "after" not in inside


def test_no_line_ends_in_blanks():
    """They would be wrapped and scrolled to; a copy would have them."""
    for html in (shown([rows()], [paragraph("answer", "x")]), html_block(mixed())):
        text = Tree(html).text
        assert not re.search(r"[ \t]+(\n|$)", text)
        assert text.count("\n") > 3


def test_a_console_afterwards_is_as_wide_as_before():
    out = Flowing(60, DEFAULT_TERMINAL_THEME)
    out.print(Text(LONG))
    assert out.width == 60
