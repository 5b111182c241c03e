"""What a console prints, as HTML whose prose is wrapped by the browser to the width that there is, and whose tables
scroll by themselves: a notebook's cell is of any width."""

import io
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.terminal_theme import TerminalTheme

from compare.report.pieces import MARGIN, Paragraph
from compare.report.unpadded import Unpadded

UNBROKEN = 100_000  # columns in which no sentence has to be wrapped
BLOCK = '<div style="font-family:monospace;line-height:1.2;white-space:pre-wrap;overflow-wrap:anywhere">{inside}</div>'
TABLE = '<div style="white-space:pre;overflow-x:auto">{text}</div>'
LINE = '<div style="padding-left:{hang}ch;text-indent:-{hang}ch">{text}</div>'  # what is wrapped hangs below its text
HANG = 2  # columns, of what has no word in the margin


class Flowing(Console):
    """A console that writes nowhere and keeps what it is told to print as HTML."""

    def __init__(self, width: int, theme: TerminalTheme) -> None:
        super().__init__(record=True, file=io.StringIO(), width=width, highlight=False, force_jupyter=False)
        self.push_render_hook(Unpadded())
        self.theme, self.parts = theme, list[str]()

    def print(self, *objects: Any, **options: Any) -> None:
        """A table as wide as the console, all else in lines that nothing breaks."""
        width, is_table = self.width, any(isinstance(item, Table) for item in objects)
        hang = MARGIN + 1 if any(isinstance(item, Paragraph) for item in objects) else HANG
        self.width = width if is_table else UNBROKEN
        try:
            super().print(*objects, **options)
        finally:
            self.width = width
        text = self.export_html(theme=self.theme, inline_styles=True, code_format="{code}")
        lines = [text] if is_table else text.splitlines(keepends=True)
        self.parts += [TABLE.format(text=line) if is_table else LINE.format(hang=hang, text=line) for line in lines]

    def html(self) -> str:
        """All of it, as one element."""
        return BLOCK.format(inside="".join(self.parts))
