"""Whose code a file is: the model's or the pair's, or the comparison's own."""

from pathlib import Path

_COMPARE = f"{Path(__file__).parents[2]}/"
# What stands between a model and an operation.
BETWEEN = tuple(f"{_COMPARE}frameworks/{room}/" for room in ("dropout", "islands", "recording"))


def ours(*files: str) -> tuple[str, ...]:
    """Files of this package, by their paths in it, as frames name them."""
    return tuple(f"{_COMPARE}{file}" for file in files)


def is_users(file: str, callers: tuple[str, ...]) -> bool:
    """Whether a call made in ``file`` is the model's, or made by one of ``callers``, which call it on its behalf."""
    return file.startswith(callers) or not file.startswith(_COMPARE)
