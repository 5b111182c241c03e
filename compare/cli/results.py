"""Standard output is for results alone: what a user's file prints there would stand in the middle of them."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TextIO

from compare.checkpoints.atomic import writing_to

PLACE = "standard output"  # in a complaint
STDOUT, STDERR = 1, 2  # the descriptors, which processes that are started from here inherit
_kept: list[TextIO] = []


def results() -> TextIO:
    """Where a command writes its result."""
    return _kept[-1] if _kept else sys.stdout


class _Apart(io.TextIOWrapper):
    """Standard output by another descriptor. It says in one sentence why it takes no more."""

    def write(self, text: str) -> int:
        with writing_to(PLACE):
            return super().write(text)

    def flush(self) -> None:
        with writing_to(PLACE):
            super().flush()

    def close(self) -> None:
        with writing_to(PLACE):  # the buffer below tries once more, by itself
            super().close()


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


def end_results() -> None:
    """For a process that ends now: what is printed on its way out (by functions registered with ``atexit``, by threads
    that are waited for) comes out on standard error, as all that a user's file prints does."""
    shown = sys.stdout
    if not _is_the_process_own(shown):
        return
    with suppress(OSError, ValueError):  # what a result could not be written to, or standard error is closed
        shown.flush()
        os.dup2(STDERR, STDOUT)
    sys.stdout = sys.stderr


def flush_results() -> None:
    """What waits in standard output is written, so that a reader that has gone is noticed here.

    Raises:
        UsageError: it takes no more.
    """
    with writing_to(PLACE):
        sys.stdout.flush()


def _is_the_process_own(stream: TextIO) -> bool:
    """Not one that a test or a notebook has put in its place."""
    with suppress(OSError, ValueError):
        return stream.fileno() == STDOUT
    return False


def _parted(shown: TextIO) -> TextIO:
    """Standard output by another descriptor; its own now leads to standard error."""
    shown.flush()
    own = os.fdopen(os.dup(STDOUT), "wb")
    apart = _Apart(own, encoding=shown.encoding, errors=shown.errors, line_buffering=shown.isatty())
    with suppress(OSError):  # standard error is closed: nothing is parted
        os.dup2(STDERR, STDOUT)
    return apart
