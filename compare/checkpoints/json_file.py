"""Results as JSON: one form, in a file that appears whole or not at all."""

import json
from pathlib import Path
from typing import Any

from compare.checkpoints.atomic import write


def write_json(path: Path, form: dict[str, Any]) -> None:
    """``form`` as indented JSON. A device or a pipe is written into, never replaced by a file."""

    def make(beside: Path) -> None:
        beside.write_text(to_json(form), encoding="utf-8")

    if path.exists() and not path.is_file():
        make(path)
    else:
        write(path, make)


def to_json(form: dict[str, Any]) -> str:
    return json.dumps(form, indent=1, allow_nan=False) + "\n"
