"""How this command starts itself again in a process of its own."""

import sys
from pathlib import Path

import compare

BEGUN_BY = "JAXPORT_BEGUN_BY"  # in such a process: the number of the one that began it
RAN = "JAXPORT_RAN"  # in a process that another one of these started: where it is to leave what it ran


def itself(*arguments: str) -> list[str]:
    """A call of ``jaxport`` with ``arguments`` that runs these very packages.

    Not ``python -m compare``: Python would look for it in the working folder first, and a file ``compare.py`` of the
    user's would run in its place and end with exit code 0. ``-P`` keeps that folder off the path altogether.
    """
    command = Path(compare.__file__).resolve().parents[1] / "jaxport_command.py"
    return [sys.executable, "-P", str(command), *arguments]
