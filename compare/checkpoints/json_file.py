"""JSON: results in a file that appears whole or not at all, and text that is read without losing any of it."""

import json
from collections.abc import Mapping
from pathlib import Path

from compare.checkpoints.atomic import write_text


def write_json(path: Path, form: Mapping[str, object]) -> None:
    """``form`` as indented JSON, by the one writer.

    Raises:
        UsageError: it cannot be written there.
    """
    write_text(path, to_json(form))


def strict_json(text: str | bytes) -> object:
    """What ``json.loads`` gives, unless it would drop the first of two equal keys, or give up on the nesting.

    Raises:
        ValueError: the text is no JSON, or one of these.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except RecursionError as error:
        raise ValueError("its brackets lie too deep in each other") from error


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    entries: dict[str, object] = {}
    for key, value in pairs:
        if key in entries:
            raise ValueError(f"two entries named {key!r:.80}")
        entries[key] = value
    return entries


def to_json(form: Mapping[str, object]) -> str:
    return json.dumps(form, indent=1, allow_nan=False) + "\n"
