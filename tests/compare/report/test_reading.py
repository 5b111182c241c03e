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
def test_as_it_is_written_or_set(width):
    """In a pipe letter by letter; on a terminal without the marks."""
    pipe, screen = (
        Console(file=io.StringIO(), width=width),
        Console(file=io.StringIO(), width=width, force_terminal=True),
    )
    show_page(page_text(), pipe)
    assert pipe.file.getvalue().strip() == page_text().strip()
    show_page(page_text(), screen)
    assert "**" not in screen.file.getvalue()
    assert "When not to trust" in " ".join(screen.file.getvalue().split())
