"""Standard output is for results alone: what a user's file prints there would stand in the middle of them."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TextIO

STDOUT, STDERR = 1, 2  # the descriptors, which processes that are started from here inherit
_kept: list[TextIO] = []


def results() -> TextIO:
    """Where a command writes its result."""
    return _kept[-1] if _kept else sys.stdout


def result(text: str) -> None:
    """One line of a result."""
    print(text, file=results())


@contextmanager
def results_alone() -> Iterator[None]:
    """Until the end of it, what is printed to standard output comes out on standard error: by the pair's file, by a
    library, by a process that either starts. ``results`` is the way to standard output itself."""
    shown = sys.stdout
    own = _is_the_process_own(shown)
    _kept.append(_parted(shown) if own else shown)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        apart = _kept.pop()
        if own:
            with suppress(OSError, ValueError):  # what was written to it past ``sys.stdout``, and still waits
                shown.flush()
            os.dup2(apart.fileno(), STDOUT)
            with suppress(BrokenPipeError):  # a reader that has seen enough changes no exit code
                apart.close()


def _is_the_process_own(stream: TextIO) -> bool:
    """Not one that a test or a notebook has put in its place."""
    with suppress(OSError, ValueError):
        return stream.fileno() == STDOUT
    return False


def _parted(shown: TextIO) -> TextIO:
    """Standard output by another descriptor; its own now leads to standard error."""
    shown.flush()
    apart = open(os.dup(STDOUT), "w", encoding=shown.encoding, errors=shown.errors)  # noqa: SIM115
    with suppress(OSError):  # standard error is closed: nothing is parted
        os.dup2(STDERR, STDOUT)
    return apart
