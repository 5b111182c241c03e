"""What is worth saying once a command has begun: a pair that cannot start is refused in one line, and in that alone."""

import sys

_held: list[str] = []


def hold(text: str) -> None:
    """One line to standard error, as soon as the command has begun."""
    _held.append(text)


def begun() -> None:
    """The command has begun, or is over: what was held is said."""
    while _held:
        print(_held.pop(0), file=sys.stderr)


def drop() -> None:
    """The command could not start: nothing of what was held is said."""
    _held.clear()
