"""Side by side where there is room, stacked where there is not; nothing of a source is lost."""

import io

import pytest
from rich.console import Console

from compare.lessons import LESSONS, sources
from compare.report.beside import show_lessons, show_sources


def shown(lesson: str, width: int) -> str:
    out = Console(file=io.StringIO(), width=width)
    show_sources(*sources(lesson), out)
    return out.file.getvalue()


def test_two_columns_where_there_is_room():
    """Both titles on one line."""
    first = shown("mlp", 200).splitlines()[0]
    assert "torchref/mlp.py:" in first
    assert "jaxport/mlp.py:" in first


def test_stacked_where_it_is_narrow():
    """The reference first, the port below it."""
    lines = shown("mlp", 80).splitlines()
    assert lines[0].startswith("torchref/mlp.py:")
    (below,) = [number for number, line in enumerate(lines) if line.startswith("jaxport/mlp.py:")]
    assert below > 10


@pytest.mark.parametrize("lesson", LESSONS)
@pytest.mark.parametrize("width", [80, 120, 200])
def test_no_word_is_lost(lesson, width):
    """Brackets in a source are no markup, and wrapping drops nothing."""
    squeezed = "".join(shown(lesson, width).split())
    for source in sources(lesson):
        for word in source.text.replace("[", " ").split():
            assert word in squeezed or width >= 100
    assert squeezed.count("[") == sum(source.text.count("[") for source in sources(lesson))


def test_the_list_names_every_lesson():
    """One line each, and how to read one."""
    out = Console(file=io.StringIO(), width=100)
    show_lessons({"mlp": "an idea [in brackets]"}, out)
    assert out.file.getvalue().splitlines()[0] == "mlp         an idea [in brackets]"
