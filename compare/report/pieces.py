"""What every terminal report is put together from."""

from collections.abc import Iterator

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

COLOUR = {
    "match": "green",
    "float32_only": "yellow",
    "incomplete": "yellow",
    "mismatch": "bold red",
    "invalid": "bold red",
}  # the verdicts, the better first
MARGIN = 10  # columns of the words in the margin
NARROW = 60  # columns below which no margin is spared: a path and its line would not fit beside it
ROOM = 16  # columns that a record's text needs beside its head
INDENT = "  "


def table(*heads: str) -> Table:
    """A table with only a rule below its heads."""
    rows = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0), show_edge=False)
    for head in heads:
        rows.add_column(head, overflow="fold")
    return rows


def pairs_of_words() -> Table:
    """A table of two columns without heads: a name, and what there is to say of it."""
    rows = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    rows.add_column(no_wrap=True)
    rows.add_column(overflow="fold")
    return rows


def show_table(out: Console, *tables: Table) -> None:
    """Print the first of ``tables`` that has room, each showing less than the one before; where none has, the last one
    as records: a row's cells below each other, each behind its head."""
    for rows in tables:
        if _least(rows, out) <= out.width:
            out.print(rows)
            return
    for line in _records(tables[-1], out):
        out.print(line)


def _least(rows: Table, out: Console) -> int:
    """The columns below which a word would be broken, or anything at all in what is not to be wrapped."""
    unbounded = out.options.update(max_width=10_000)
    widest, least = 0, 0
    for column in rows.columns:
        cells = [Measurement.get(out, unbounded, cell) for cell in (column.header, *column.cells)]
        widest += max(cell.maximum for cell in cells)
        least += max(cell.maximum if column.no_wrap else cell.minimum for cell in cells)
    return out.measure(rows, options=unbounded).maximum - widest + least


def _records(rows: Table, out: Console) -> Iterator[RenderableType]:
    heads = [_text(column.header).plain.replace("\n", " ") for column in rows.columns]
    wide = max(len(head) for head in heads[1:])
    for first, *others in zip(*(column.cells for column in rows.columns), strict=True):
        yield _text(first)
        for head, cell in zip(heads[1:], others, strict=True):
            if shown := _text(cell):
                label = f"{INDENT}{head.ljust(wide)}{INDENT if wide else ''}"
                yield _beside(label, shown, out.width)


def _beside(label: str, text: Text, width: int) -> RenderableType:
    """A head with its text, which stays indented where it is wrapped or has lines of its own."""
    if len(label) + max(map(len, text.plain.split("\n"))) <= width and "\n" not in text.plain:
        return Text.assemble(label, text)
    if width - len(label) < ROOM and label.strip():
        return Group(Text(label.rstrip()), Padding(text, (0, 0, 0, 2 * len(INDENT))))
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(label, text)
    return grid


def _text(cell: RenderableType) -> Text:
    assert isinstance(cell, str | Text)
    return Text(cell) if isinstance(cell, str) else cell


class Paragraph:
    """A word in the margin, its text beside it; below it where the terminal is narrow."""

    def __init__(self, word: str, text: str | Text) -> None:
        self.word, self.text = word, text if isinstance(text, Text) else Text(text)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if options.max_width < NARROW:
            if self.word:
                yield Text(self.word, style="bold")
            yield self.text
            return
        beside = Table.grid(padding=(0, 1, 0, 0))
        beside.add_column(width=MARGIN)
        beside.add_column(overflow="fold")
        beside.add_row(self.word, self.text)
        yield beside


def paragraph(word: str, text: str | Text) -> Paragraph:
    """A word in the margin, its text beside it."""
    return Paragraph(word, text)


def coloured(verdict: str) -> Text:
    """A verdict, and what is said in brackets after it."""
    return Text(verdict, style=COLOUR[verdict.split()[0]])


def number(value: float | str) -> str:
    """Two digits of a number; a word as it is."""
    return value if isinstance(value, str) else "0" if value == 0 else f"{value:.1e}"  # words are non-finite
