"""Two things beside each other in the terminal, or one above the other where it is narrow."""

from rich.console import Console, RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from compare.lessons import Source

SIDE_BY_SIDE = 100  # columns from which two sources have room beside each other


def show_beside(left: tuple[str, RenderableType], right: tuple[str, RenderableType], out: Console) -> None:
    """Print two titled blocks, in two columns of equal width if the terminal has them."""
    if out.width >= SIDE_BY_SIDE:
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(ratio=1)
        table.add_column(ratio=1)
        table.add_row(*(Text(title, style="bold") for title, _ in (left, right)))
        table.add_row(left[1], right[1])
        out.print(table)
        return
    for title, block in (left, right):
        out.print(Text(title, style="bold"))
        out.print(block)
        out.print()


def show_sources(reference: Source, port: Source, out: Console) -> None:
    """Both sources of a lesson, highlighted where the terminal has colours."""
    longest = max(len(line) for one in (reference, port) for line in one.text.splitlines())
    if out.width >= SIDE_BY_SIDE and (out.is_terminal or 2 * longest + 2 <= out.width):
        left, right = ((f"{one.path}:{one.line}", _syntax(one, out)) for one in (reference, port))
        show_beside(left, right, out)
        return
    for one in (reference, port):  # whole lines where nobody watches: a broken line of Python reads as another program
        out.print(Text(f"{one.path}:{one.line}", style="bold"))
        out.print(_syntax(one, out), soft_wrap=not out.is_terminal)


def show_lessons(known: dict[str, str], out: Console) -> None:
    """What there is to read, one line each."""
    for name, text in known.items():
        out.print(Text.assemble((f"{name:12}", "bold"), text))
    out.print(Text("jaxport read NAME shows both sources beside each other"))


def _syntax(source: Source, out: Console) -> RenderableType:
    if not out.is_terminal:
        return Text(source.text)
    return Syntax(source.text, "python", theme="ansi_dark", background_color="default", word_wrap=True)
