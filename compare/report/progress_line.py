"""What a long run is at, in one line on standard error that rewrites itself; where nobody watches, a line a stage."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from shutil import get_terminal_size
from typing import TextIO

from compare.sides.progress import Log, Progress, Within
from compare.verdict.counted import counted

ERASE = "\r\x1b[2K"  # what a terminal understands, and a notebook does not


@contextmanager
def progress_line(of: str, stream: TextIO | None = None) -> Iterator[Progress]:
    """A function that shows what a run ``of`` something is at.

    A terminal's line is erased at the end. A notebook cannot take a line back: its last says how long it took.
    """
    stream = sys.stderr if stream is None else stream
    line = _line(of, stream)
    try:
        yield line.say
    except BaseException:
        line.stop()
        raise
    line.end()


def _line(of: str, stream: TextIO | None) -> "Line":
    if stream is None or stream.closed:
        return Line()
    if stream.isatty():
        return OfTerminal(of, stream)
    return OfNotebook(of, stream) if _is_kernels(stream) else OfPipe(of, stream)


def _is_kernels(stream: TextIO) -> bool:
    """Whether a stream goes to a notebook, which writes a line anew after a carriage return."""
    return type(stream).__module__.partition(".")[0] == "ipykernel"


class Line:
    """A run's line: this one shows nothing, to nobody."""

    def say(self, now: str) -> None:
        """The run is at ``now``."""

    def stop(self) -> None:
        """The run has raised."""

    def end(self) -> None:
        """The run has ended."""


class OfPipe(Line):
    """A line for each stage, as a log has it."""

    def __init__(self, of: str, stream: TextIO) -> None:
        self.of, self.stream, self.log = of, stream, Log()

    def say(self, now: str) -> None:
        if self.log.has(now):
            self.write(f"{self.text(now)}\n")

    def text(self, now: str) -> str:
        return f"{self.of}: {' '.join(now.split())}"

    def write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()


class OfTerminal(OfPipe):
    """One line, as long as the terminal is wide at most, or it could not be taken back."""

    def say(self, now: str) -> None:
        self.write(ERASE + self.text(now)[: get_terminal_size().columns - 1])

    def stop(self) -> None:
        self.write(ERASE)

    end = stop


class OfNotebook(OfPipe):
    """One line, written over with blanks where the next is shorter."""

    def __init__(self, of: str, stream: TextIO) -> None:
        super().__init__(of, stream)
        self.stages, self.began, self.longest = 0, time.monotonic(), 0

    def say(self, now: str) -> None:
        self.stages += not isinstance(now, Within)
        self.rewrite(self.text(now))

    def rewrite(self, text: str) -> None:
        self.longest = max(self.longest, len(text))
        self.write(f"\r{text.ljust(self.longest)}")

    def stop(self) -> None:
        self.write("\n")

    def end(self) -> None:
        self.rewrite(self.text(f"{counted(self.stages, 'stage')}, {time.monotonic() - self.began:.0f} s"))
        self.write("\n")
