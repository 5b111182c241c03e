"""Two things side by side where there is room, stacked where there is not."""

import io

import pytest
from rich.console import Console
from rich.text import Text

from compare.report.beside import show_beside


@pytest.mark.parametrize(
    ("width", "lines"), [(120, ["one  two", "a    b", ""]), (80, ["one", "a", "", "two", "b", ""])]
)
def test_beside_or_stacked(width, lines):
    """Either way a blank line ends it."""
    out = Console(file=io.StringIO(), width=width)
    show_beside(("one", Text("a")), ("two", Text("b")), out)
    made = [" ".join(line.split()) for line in out.file.getvalue().splitlines()]
    assert made == [" ".join(line.split()) for line in lines]
