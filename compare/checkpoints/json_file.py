"""Results as JSON: one form, in a file that appears whole or not at all."""

import json
from collections.abc import Mapping
from pathlib import Path

from compare.checkpoints.atomic import write


def write_json(path: Path, form: Mapping[str, object]) -> None:
    """``form`` as indented JSON. A device or a pipe is written into, never replaced by a file."""

    def make(beside: Path) -> None:
        beside.write_text(to_json(form), encoding="utf-8")

    if path.exists() and not path.is_file():
        make(path)
    else:
        write(path, make)


def to_json(form: Mapping[str, object]) -> str:
    return json.dumps(form, indent=1, allow_nan=False) + "\n"
