"""What a user can mend, printed as one line (exit code 2, no traceback), and what a broad ``except`` swallows."""

import difflib
import os
import sys
import traceback
from collections.abc import Iterable

TRACEBACK = "JAXPORT_TRACEBACK"  # set to anything: what is swallowed is printed
ALIKE = 0.6  # difflib's own: two letters that changed places in a name of three
SHORT = 60  # what came is shown up to so many characters


class UsageError(Exception):
    """The command or its input is wrong. The message says what was expected, what came, and what to do."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows of it in a notebook: its one line; where ``JAXPORT_TRACEBACK`` is set, all of it."""
        if os.environ.get(TRACEBACK):
            return traceback.format_exception(self)
        return [f"{type(self).__name__}: {self}"]


def shown(value: object) -> str:
    """What came, for a message: a short value as Python writes it, of anything else its type."""
    parts = value if isinstance(value, tuple | list) else (value,)
    plain = all(part is None or isinstance(part, bool | int | float | str) for part in parts)
    if plain and len(parts) <= SHORT and len(written := repr(value)) <= SHORT:
        return written
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' or kind == 'ndarray' else 'a'} {kind}"


def nearest(name: str, known: Iterable[str], alike: float = ALIKE) -> str:
    """The one of ``known`` that is spelt most like ``name``; empty where none is alike."""
    return next(iter(difflib.get_close_matches(name, list(known), 1, alike)), "")


def most_alike(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Up to ``most`` of ``known``, those spelt most like ``name`` first, however little that is."""
    return difflib.get_close_matches(name, list(known), most, 0.0)


def printable(text: str) -> str:
    """One line without control characters: names come from files, and must steer no terminal and break no picture."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def in_one_line(error: BaseException, room: int | None = None) -> str:
    """An exception's type and its own words, whatever lines they stand on, in at most ``room`` characters of words."""
    words = " ".join(str(error).split())
    if room is not None and len(words) > room:
        words = f"{words[:room]}..."
    return f"{type(error).__name__}: {words}".removesuffix(": ")


def did_you_mean(meant: str, otherwise: str = "") -> str:
    """The end of a complaint: a question, or ``otherwise`` where nothing is alike."""
    text = f"did you mean {meant}?" if meant else otherwise
    return f": {text}" if text else ""


class WholeBatchError(Exception):
    """A port that is called with the whole batch raised on it: its own error is the cause, and the message says what to
    give if it is written for one row. That is news while it is traced; in a run its own error is all there is to say.
    """


def swallowed(error: BaseException) -> None:
    """Call it where an exception of unknown origin is answered by going on: its traceback goes to standard error if
    ``JAXPORT_TRACEBACK`` is set, and nowhere else."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error, file=sys.stderr)
