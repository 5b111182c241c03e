"""The page "How to read a report": it explains every word that a report shows."""

import io
import re

import pytest
from rich.console import Console

from compare.report import worst
from compare.report.pieces import COLOUR
from compare.report.reading import page_text, show_page
from compare.verdict.quantity import KINDS

SHOWN = [
    *("answer", "where", "why", "seen", "settings", "excluded"),
    *("coverage", "sees", "drift", "teeth", "notice", "verdict"),
    *("INTRODUCED", "propagated", "kink", "flushed", "informative", "mutants", "float32 inside", "no_oracle"),
    *("matched", "reordering", "gate", "against eager", "noise", "break-even", "tape", "residuals"),
]  # fmt: skip


@pytest.mark.parametrize("word", [*SHOWN, *COLOUR, *(name for head in worst.NUMBERS for name in head.split(", "))])
def test_each_word_of_a_report_is_explained(word):
    """It stands on the page in bold or italics, or as a literal."""
    marked = " ".join(re.findall(r"\*\*(.+?)\*\*|(?<!\*)\*([^*]+)\*(?!\*)|`([^`]+)`", page_text()).__str__().split())
    assert word in marked, word


def test_the_kinds_that_are_shown_as_one_row_are_explained():
    """``by_hand (14)`` says nothing by itself."""
    assert set(worst.SUMMED_UP) <= set(KINDS)
    assert all(f"**{kind}**" in page_text() for kind in worst.SUMMED_UP)


def test_it_says_when_not_to_trust_a_verdict():
    """In a chapter of its own, with several reasons."""
    chapter = page_text().split("## When not to trust it")[1].split("\n## ")[0]
    assert len(re.findall(r"^- \*\*", chapter, re.MULTILINE)) >= 5


@pytest.mark.parametrize("width", [20, 80])
def test_it_is_set_to_the_width(width):
    """In a pipe as on a terminal: without the marks, and no line is longer."""
    pipe, screen = (
        Console(file=io.StringIO(), width=width),
        Console(file=io.StringIO(), width=width, force_terminal=True),
    )
    for out in (pipe, screen):
        show_page(page_text(), out)
        text = re.sub(r"\x1b\[[\d;]*m", "", out.file.getvalue())
        assert "**" not in text
        assert "`" not in text
        assert max(len(line.rstrip()) for line in text.splitlines()) <= width
        assert "When not to trust" in " ".join(text.split())


def test_it_says_where_the_pages_are_that_it_names():
    """A wheel has no docs/."""
    named = re.findall(r"docs/\w+\.md(.*?)\.(?:\s|$)", page_text(), re.DOTALL)
    assert len(named) == 3
    assert all("the project's repository" in " ".join(words.split()) for words in named)


def test_it_says_when_there_is_an_answer():
    """Of what is incomplete as of what differs, as ``show_verify`` does."""
    assert "**answer** (where the verdict is not `match`)" in page_text()
