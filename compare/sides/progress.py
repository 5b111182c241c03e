"""How a long run says what it is at: a function that takes each line, or one that drops it."""

from collections.abc import Callable

Progress = Callable[[str], None]


def say_nothing(now: object) -> None:
    """To nobody."""
