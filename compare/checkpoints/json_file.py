"""JSON: results in a file that appears whole or not at all, and text that is read without losing any of it."""

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from compare.checkpoints.atomic import write_text

LARGEST = 1 << 28  # bytes of a result that is read: a sweep over every size takes a thousandth of it


def write_json(path: Path, form: Mapping[str, object]) -> None:
    """``form`` as indented JSON, by the one writer.

    Raises:
        UsageError: it cannot be written there.
    """
    write_text(path, to_json(form))


def read_json(path: Path, largest: int = LARGEST) -> object:
    """``strict_json`` of a file's text. Nothing is waited for, whatever lies there.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no regular file, has more than ``largest`` bytes, or holds no JSON.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        there = os.fstat(file.fileno())
        if not stat.S_ISREG(there.st_mode):
            raise ValueError("no regular file")
        if there.st_size > largest:
            raise ValueError(f"more than {largest >> 20:,} MiB")
        text = file.read(largest)
    try:
        return strict_json(text.decode("utf-8"))
    except ValueError as error:
        raise ValueError(f"no JSON: {error}") from error


def strict_json(text: str | bytes) -> object:
    """What ``json.loads`` gives, unless it would drop the first of two equal keys, or give up on the nesting.

    Raises:
        ValueError: the text is no JSON, or one of these.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError as error:
        raise ValueError("its brackets lie too deep in each other") from error


def _without_waiting(path: str, flags: int) -> int:
    """Opens a pipe that nobody writes to at once."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    entries: dict[str, object] = {}
    for key, value in pairs:
        if key in entries:
            raise ValueError(f"two entries named {key!r:.80}")
        entries[key] = value
    return entries


def to_json(form: Mapping[str, object]) -> str:
    return json.dumps(form, indent=1, allow_nan=False) + "\n"
