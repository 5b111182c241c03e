"""Files appear whole or not at all."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from compare.errors import UsageError


def writable_folder(folder: Path) -> Path:
    """``folder``, made if need be, once a file could be written to it.

    Raises:
        UsageError: it is no folder, or cannot be written to. Better said before a long run than after it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written to as an output folder ({error.strerror})") from error


def write(path: Path, make: Callable[[Path], None]) -> None:
    """Have ``make`` write a file beside ``path``, then put it in its place in one move."""
    if not path.name:
        raise UsageError(f"{path}: cannot be written (it names no file)")
    path = Path(os.path.realpath(path))  # a link stays a link: what it points to is written
    beside = path.with_name(f".{os.getpid()}.part{path.suffix}")
    try:
        try:
            make(beside)
            beside.replace(path)
        finally:
            if os.path.exists(beside):
                beside.unlink()
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from error


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
