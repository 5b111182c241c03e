"""A lesson in the terminal: nothing of a source is lost, and what differs is marked."""

import io

import pytest
from rich.console import Console

from compare.lessons import LESSONS, PARTS
from compare.lessons.sources import both
from compare.report.form import part_form
from compare.report.lesson import show_list, show_mark, show_outcome, show_sources

SHOWN = {**PARTS, **{name: (one.file, one.function) for name, one in LESSONS.items()}}


def shown(name: str, width: int) -> str:
    out = Console(file=io.StringIO(), width=width)
    show_sources([part_form(name, *both(*SHOWN[name]))], out)
    return out.file.getvalue()


def outcome(**first) -> dict:
    one = {"name": "a[b]", "reference": "1 [bold]", "port": "2", "verdict": "mismatch", "reason": "seen"}
    other = {**one, "name": "said", "verdict": None, "reason": "its own words"}
    texts = {
        "same": "All of it.",
        "different": "Nothing.",
        "prevents": "Little.",
        "question": "Why [so]?",
        "text": "Because.",
        "ideas": [{"line": "y = x[0]", "text": "The first."}],
        "lesson": "x",
        "marked": "port",
        "file": "mine.py",
    }
    return {**texts, "quantities": [one, other], "verdict": "mismatch", "first_difference": first or None}


def test_two_columns_where_there_is_room():
    """Both titles on one line, and statements beside each other."""
    lines = shown("broadcasting", 240).splitlines()
    assert "torchref/tensors.py:" in lines[0]
    assert "jaxport/tensors.py:" in lines[0]
    (line,) = [line for line in lines if "raises a RuntimeError" in line]
    assert "raises a ValueError" in line
    (same,) = [line for line in lines if "added = table + bias" in line]
    assert "|" in line
    assert "|" not in same


def test_stacked_where_it_is_narrow():
    """The reference first, the port below it."""
    lines = shown("mlp", 80).splitlines()
    assert lines[0].startswith("torchref/mlp.py:")
    (below,) = [number for number, line in enumerate(lines) if line.startswith("jaxport/mlp.py:")]
    assert below > 10


@pytest.mark.parametrize("name", SHOWN)
@pytest.mark.parametrize("width", [80, 120, 300])
def test_nothing_is_lost(name, width):
    """Brackets in a source are no markup, and nothing is dropped where no line is broken."""
    squeezed = "".join(shown(name, width).split())
    for source in both(*SHOWN[name]):
        for line in source.text.splitlines():
            assert "".join(line.split()) in squeezed
    assert squeezed.count("[") == sum(source.text.count("[") for source in both(*SHOWN[name]))


@pytest.mark.parametrize("width", [80, 200])
def test_the_outcome_says_everything(width):
    out = Console(file=io.StringIO(), width=width)
    show_outcome(outcome(), out)
    text = out.file.getvalue()
    words = ("a[b]", "1 [bold]", "mismatch", "differs", "its own", "All of it.", "Nothing.", "Little.")
    for word in (*words, "Why [so]?", "y = x[0]"):
        assert word in text


def test_a_mark_leads_with_the_first_difference():
    out = Console(file=io.StringIO(), width=200)
    show_mark(outcome(name="a[b]", reason="twice"), out)
    text = out.file.getvalue()
    assert "answer     `a[b]` is the first quantity that differs: twice" in text
    assert text.index("torchref") < text.index("mine.py")
    assert "not judged" in text


def test_the_list_names_every_lesson():
    """One line each, and how to read one."""
    out = Console(file=io.StringIO(), width=100)
    show_list({"mlp": "an idea [in brackets]"}, {"train": "a part"}, out)
    assert "  mlp    an idea [in brackets]" in out.file.getvalue().splitlines()
    assert "jaxport read NAME" in out.file.getvalue()
