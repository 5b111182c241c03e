"""What every terminal report is put together from."""

from io import StringIO

import pytest
from rich.console import Console

from compare.report.pieces import number, paragraph, table


def printed(item: object, width: int = 40) -> str:
    out = Console(file=StringIO(), width=width)
    out.print(item)
    assert isinstance(out.file, StringIO)
    return out.file.getvalue()


@pytest.mark.parametrize(("value", "shown"), [(0, "0"), (0.0, "0"), (1.234e-7, "1.2e-07"), ("inf", "inf")])
def test_a_number_has_two_digits_and_a_word_stays(value: object, shown: str) -> None:
    """Zero is no 0.0e+00."""
    assert number(value) == shown


def test_a_paragraph_keeps_its_word_in_the_margin() -> None:
    """What does not fit goes on below the text, not below the word."""
    lines = printed(paragraph("why", "one two three four five six seven")).splitlines()
    assert lines[0].startswith("why        one")
    assert len(lines) > 1
    assert all(line.startswith(" " * 11) for line in lines[1:])


def test_markup_in_a_text_is_shown_as_it_is() -> None:
    """A user's name may look like rich's markup."""
    assert "[bold]x[/bold]" in printed(paragraph("why", "[bold]x[/bold]"))


def test_a_table_folds_what_is_too_long() -> None:
    """No part of a name is cut off."""
    rows = table("name", "gap")
    rows.add_row("a" * 60, "1")
    assert printed(rows, width=30).count("a") >= 60
