"""What every terminal report is put together from."""

from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from compare.report.pieces import number, pairs_of_words, paragraph, show_table, table


def printed(item: object, width: int = 60) -> str:
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
    lines = printed(paragraph("why", "one two three four five six seven eight nine ten eleven twelve")).splitlines()
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


def pairs(*names: str) -> Table:
    """A table that is ``names`` wide, and not to be wrapped."""
    rows = table()
    for name in ("what", *names):
        rows.add_column(name, no_wrap=True)
    rows.add_row(Text("x"), *(f"of {name}" for name in names))
    return rows


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (40, ["what   first      second", "───────────────────────────", "x      of first   of second"]),
        (20, ["what   first", "───────────────", "x      of first"]),
        (14, ["x", "  first", "    of first"]),
    ],
)
def test_the_first_table_with_room_is_shown(width: int, lines: list[str]) -> None:
    """Else the last one as records, whose lines may be wrapped: nothing is cut off."""
    out = Console(file=StringIO(), width=width)
    show_table(out, pairs("first", "second"), pairs("first"))
    assert isinstance(out.file, StringIO)
    assert [line.rstrip() for line in out.file.getvalue().splitlines()] == lines


def test_names_stand_above_their_texts_where_there_is_no_room() -> None:
    """A table without heads: no blank label before the text."""
    out, rows = Console(file=StringIO(), width=12), pairs_of_words()
    rows.add_row("processor", "of a make")
    show_table(out, rows)
    assert isinstance(out.file, StringIO)
    assert out.file.getvalue() == "processor\n  of a make\n"


def test_the_lines_of_a_record_stay_indented() -> None:
    """A matrix of several lines, and a text that has to be wrapped."""
    rows = table()
    for name in ("what", "one", "other"):
        rows.add_column(name, no_wrap=True)
    rows.add_row(Text("x"), Text("[[1 2]\n [3 4]]"), Text("a text of words that is much too long"))
    out = Console(file=StringIO(), width=30)
    show_table(out, rows)
    assert isinstance(out.file, StringIO)
    assert [line.rstrip() for line in out.file.getvalue().splitlines()] == [
        "x", "  one    [[1 2]", "          [3 4]]", "  other  a text of words that", "         is much too long"
    ]  # fmt: skip


def test_a_narrow_paragraph_has_its_word_above_it() -> None:
    """All columns are the text's."""
    assert printed(paragraph("why", "one two three four"), width=20) == "why\none two three four\n"
    assert printed(paragraph("", "more"), width=20) == "more\n"
