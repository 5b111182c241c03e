"""A process that another one began ends with it, however that one ended.

Whoever is interrupted ends what it began. Who is killed cannot, and a launcher in between (``torchrun`` gives each of
its processes a group of its own) does not: they would train on, with nobody to read what they write.
"""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from compare.cli.itself import BEGUN_BY

PAUSE = 1.0  # seconds between two looks
ENDED = 130  # what it ends with: as one that is interrupted


def end_with_it(end: Callable[[int], object] = os._exit) -> threading.Thread | None:
    """From now on, where this process was begun by another one; None where it was not, or where nobody can ask."""
    begun_by = os.environ.get(BEGUN_BY, "")
    if not begun_by.isdecimal() or not hasattr(os, "killpg"):
        return None
    watching = threading.Thread(target=_watch, args=(int(begun_by), os.getppid(), end), daemon=True)
    watching.start()
    return watching


def _watch(number: int, parent: int, end: Callable[[int], object]) -> None:
    """Until the one or the other is gone; what was left to another parent has lost its own."""
    while _is_there(number) and os.getppid() == parent:
        time.sleep(PAUSE)
    end(ENDED)


def _is_there(number: int) -> bool:
    with suppress(PermissionError):  # somebody else's: it is there
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return False
    return True
