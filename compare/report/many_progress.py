"""Many files while they run: on a terminal a table that fills, with what runs now below it; elsewhere a line a file."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from compare.report.many_contract import RowForm
from compare.report.many_pairs import OUTCOMES, worst_first

ROOM = 4  # lines of a terminal that are left to what stands above
WIDEST = 12  # letters of the longest word for what became of a file


class Filling:
    """What has ended, and what runs."""

    def __init__(self, total: int, out: Console) -> None:
        self.total, self.out = total, out
        self.rows, self.running = list[RowForm](), list[str]()
        self.began = time.monotonic()

    def ended(self, row: RowForm) -> None:
        """A file has; where nobody watches, that is a line."""
        self.rows.append(row)
        self.running = [name for name in self.running if name != row["name"]]
        if not self.out.is_terminal:
            self.out.print(self._line(row), soft_wrap=True)

    def at_work(self, names: Sequence[str]) -> None:
        """These run now."""
        self.running = list(names)

    def __rich__(self) -> RenderableType:
        room = max(self.out.height - ROOM, 1)
        against = worst_first(row for row in self.rows if row["code"])[: (room + 1) // 2]
        latest = [row for row in self.rows if row not in against][-(room - len(against)) :]
        lines = Table.grid(padding=(0, 2, 0, 0))
        for row in (*against, *latest):
            word = Text(row["outcome"], style=OUTCOMES[row["outcome"]])
            lines.add_row(word, Text(f"{row['seconds']:.1f} s"), Text(f"{row['name']}  {_said(row)}", no_wrap=True))
        return Group(lines, self._now())

    def _now(self) -> Text:
        against = sum(row["code"] != 0 for row in self.rows)
        text = Text(f"{len(self.rows):,} of {self.total:,}", style="bold", no_wrap=True, overflow="ellipsis")
        text.append(f", {against} not matched" if against else "", style="bold red")
        text.append(f", {time.monotonic() - self.began:.0f} s", style="not bold")
        text.append(f", running: {', '.join(self.running)}" if self.running else "", style="not bold")
        return text

    def _line(self, row: RowForm) -> Text:
        count = f"{len(self.rows):>{len(str(self.total))}}/{self.total}"
        return Text(f"{count} {row['outcome']:{WIDEST}} {row['seconds']:6.1f} s  {row['name']}  {_said(row)}".rstrip())


def _said(row: RowForm) -> str:
    return "taken from the store" if row["taken"] else row["text"] if row["code"] else ""


@contextmanager
def filling(total: int) -> Iterator[Filling]:
    """The table on standard error, gone when all is over: what it came to is a result, which is shown whole."""
    out = Console(stderr=True, force_jupyter=False, highlight=False)
    table = Filling(total, out)
    if not out.is_terminal:
        yield table
        sys.stderr.flush()
        return
    with Live(table, console=out, transient=True, refresh_per_second=4):
        yield table
