"""Two things beside each other in the terminal, or one above the other where it is narrow."""

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

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
        out.print()
        return
    for title, block in (left, right):
        out.print(Text(title, style="bold"))
        out.print(block)
        out.print()
