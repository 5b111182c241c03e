"""How a long run says what it is at: a function that takes each line, or one that drops it."""

import time
from collections.abc import Callable

Progress = Callable[[str], None]
LOGGED = 30.0  # seconds in which a log was told nothing, after which it is told what a stage is at


class Within(str):
    """What a stage is at: the piece of a model, of so many. A line that rewrites itself shows each of them."""

    __slots__ = ()


class Log:
    """Which lines a log has: every stage, and what a stage is at where nothing was said for a while."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def has(self, now: str) -> bool:
        """Whether ``now`` is one of them."""
        at = time.monotonic()
        if isinstance(now, Within) and at - self._said < LOGGED:
            return False
        self._said = at
        return True


def say_nothing(now: object) -> None:
    """To nobody."""
