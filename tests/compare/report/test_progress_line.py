"""One line that rewrites itself, where somebody watches; a line a stage in a pipe; nothing where nobody is told."""

import io
import re
import sys

import pytest

from compare.report import progress_line as progress
from compare.report.progress_line import ERASE, progress_line
from compare.sides.progress import Within


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class OutStream(io.StringIO):
    """What a kernel has in the place of standard error."""

    __module__ = "ipykernel.iostream"


def told(stream: io.StringIO) -> str:
    with progress_line("verifying mlp", stream) as say:
        say("the weight map")
        say("probe\nties")
        say(Within("piece 1"))
    return stream.getvalue()


def test_a_pipe_gets_a_line_a_stage():
    """As a log has it, without a code for any terminal; not what a stage is at, but where it takes long."""
    assert told(io.StringIO()) == "verifying mlp: the weight map\nverifying mlp: probe ties\n"


def test_a_terminals_line_is_rewritten_and_taken_back(monkeypatch):
    """Never longer than the terminal is wide: a line that wraps cannot be taken back."""
    monkeypatch.setenv("COLUMNS", "20")
    assert told(Terminal()) == f"{ERASE}verifying mlp: the {ERASE}verifying mlp: prob{ERASE}verifying mlp: piec{ERASE}"


def test_a_notebooks_line_is_written_over():
    """No terminal's code; what a shorter stage leaves of a longer one is blank; the last says what it came to."""
    text = told(OutStream())
    assert "\x1b" not in text
    begun, first, second, piece, last = text.split("\r")
    assert (begun, first.rstrip(), second.rstrip()) == (
        "",
        "verifying mlp: the weight map",
        "verifying mlp: probe ties",
    )
    assert len(piece) == len(second) == len(first)
    assert re.fullmatch(r"verifying mlp: 2 stages, \d+ s *\n", last)


@pytest.mark.parametrize(("stream", "left"), [(OutStream(), "\n"), (Terminal(), ERASE), (io.StringIO(), "map\n")])
def test_a_run_that_raises_leaves_the_stage_it_was_at(stream, left):
    """Where the line stays; and what comes next begins a line of its own."""

    def run() -> None:
        with progress_line("x", stream) as say:
            say("the weight map")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        run()
    assert stream.getvalue().endswith(left)
    assert "stages" not in stream.getvalue()


def test_nobody_is_told_where_there_is_no_stream(monkeypatch):
    """A program without a console, and one that closed it."""
    monkeypatch.setattr(sys, "stderr", None)
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        with progress_line("x", stream) as say:
            say("the weight map")
    assert type(progress._line("x", None)) is progress.Line


def test_the_line_goes_to_standard_error(capsys):
    """To the one there is when it is asked for: a notebook exchanges it."""
    with progress_line("x") as say:
        say("now")
    assert capsys.readouterr() == ("", "x: now\n")
