"""The build in the terminal: each lesson's verdict, and where the book is."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from compare.report.contract import Form
from compare.report.pieces import coloured, paragraph, show_table, table


def show_book(book: Form, out: Path, to: Console) -> None:
    """One line a lesson, what failed, the worst verdict, the file to open."""
    rows = table("lesson", "title", "verdict")
    for form in book["lessons"]:
        rows.add_row(Text(form["lesson"]), Text(form["title"]), coloured(form["verdict"]))
    show_table(to, rows)
    for form in book["lessons"]:
        if form["failure"]:
            to.print(paragraph("failed", form["failure"]))
    to.print(paragraph("verdict", coloured(book["verdict"])))
    to.print(Text(f"open {out / 'index.html'}"), soft_wrap=True)
