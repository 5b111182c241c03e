"""One piece of work for a process of its own: a command that writes its result as JSON; and how such a process ended.

The command is filled in where it runs, which may be another machine: there Python and this package lie elsewhere.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compare.cli.itself import itself
from compare.cli.many.ran import Ran
from compare.report.contract import Form

# Words of a command that stand for what is only known where it runs.
PYTHON, JAXPORT, RESULT = "{python}", "{jaxport}", "{result}"


@dataclass(frozen=True)
class Task:
    """A command under a name that no other task has.

    Attributes:
        command: words; ``PYTHON``, ``JAXPORT`` and ``RESULT`` among them are filled in. It writes JSON to ``RESULT``.
    """

    name: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        code: its exit code, negative where a signal ended it, as ``subprocess`` has it; None: it was out of time.
        seconds: of wall time.
        result: what it wrote; None where that is nothing, or no JSON.
        said: the end of what it wrote to standard error.
        ran: what it left of what it ran; None where it had no time to.
        lost: what an engine says of a process of which it knows nothing else.
    """

    code: int | None
    seconds: float
    result: Form | None
    said: str
    lost: str = ""
    ran: Ran | None = None


def filled(command: Sequence[str], result: Path) -> list[str]:
    """The command as it is run here, where its result goes to ``result``."""
    here = {PYTHON: [sys.executable], JAXPORT: itself(), RESULT: [str(result)]}
    return [part for word in command for part in here.get(word, [word])]
