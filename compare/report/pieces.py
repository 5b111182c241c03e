"""What every terminal report is put together from."""

from rich import box
from rich.table import Table
from rich.text import Text


def table(*heads: str) -> Table:
    """A table with only a rule below its heads."""
    rows = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for head in heads:
        rows.add_column(head, overflow="fold")
    return rows


def paragraph(word: str, text: str | Text) -> Table:
    """A word in the margin, its text beside it."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=10)
    table.add_column()
    table.add_row(word, text if isinstance(text, Text) else Text(text))
    return table


def number(value: float | str) -> str:
    """Two digits of a number; a word as it is."""
    return value if isinstance(value, str) else "0" if value == 0 else f"{value:.1e}"  # words are non-finite
