"""The book's folder: replaced as a whole by the next build, and only if it is a book."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from compare.checkpoints.atomic import writable_folder
from compare.errors import UsageError

MARKER = ".jaxport-book"
NOTE = "jaxport book made this folder; the next build replaces all of it.\n"


def ready(out: Path) -> Path:
    """Where the book goes, once it is known that it can go there.

    Raises:
        UsageError: something else is there, or the folder around it cannot be written to.
    """
    target = Path(os.path.realpath(out))  # a link stays a link: what it points to is replaced
    writable_folder(target.parent)
    try:
        if target.exists() and not target.is_dir():
            raise UsageError(f"{out}: cannot be written to as an output folder (it is a file)")
        if target.is_dir() and any(target.iterdir()) and not (target / MARKER).is_file():
            raise UsageError(f"{out}: holds files that are no book of ours; expected a new or an empty folder")
    except OSError as error:
        raise UsageError(f"{out}: cannot be written to as an output folder ({error.strerror})") from error
    return target


def replace(out: Path, fill: Callable[[Path], None]) -> None:
    """Have ``fill`` write a book into a folder beside ``out``, then put it in its place."""
    target = ready(out)
    beside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        new, before = beside / "made", beside / "before"
        new.mkdir()
        (new / MARKER).write_text(NOTE, encoding="utf-8")
        fill(new)
        if target.exists():
            target.rename(before)
        new.rename(target)
    except OSError as error:
        raise UsageError(f"{out}: cannot be written ({error.strerror})") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
