"""The page "How to read a report", which comes with every installation."""

from pathlib import Path

from rich.console import Console
from rich.markdown import Markdown

PAGE = "report"  # what ``jaxport read`` calls it
TITLE = "How to read a report: what each word means, and when not to trust a verdict"


def page_text() -> str:
    """The page as it is written, in Markdown."""
    return Path(__file__).with_name("reading.md").read_text(encoding="utf-8")


def show_page(text: str, out: Console) -> None:
    """Set to the console's width, whether or not anybody watches; ``--json`` gives it as it is written."""
    out.print(Markdown(text))
