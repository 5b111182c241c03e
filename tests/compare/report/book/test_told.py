"""The build in the terminal."""

import io
from pathlib import Path

from compare.report.book.told import show_book
from compare.report.terminal import console

from .conftest import lesson, small


def test_one_line_a_lesson_and_where_to_look():
    """What failed is said with the framework's words."""
    out = io.StringIO()
    form = small(lesson("one"), lesson("two", verdict="invalid", failure="the port raised <E[0]>"))
    show_book(form | {"verdict": "invalid"}, Path("a [b]"), console(out))
    text = out.getvalue()
    assert "Title of one" in text
    assert "the port raised <E[0]>" in text
    assert text.endswith("open a [b]/index.html\n")
