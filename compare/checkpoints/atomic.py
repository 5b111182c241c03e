"""Files and folders that appear whole or not at all: made beside the target, then moved into its place."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which becomes ``path`` when the block ends, and vanishes when it raises.

    Raises:
        OSError: the folder cannot be written to, or ``path`` is write-protected.
    """
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(13, "write-protected", str(path))
    made = _beside(path)
    try:
        with made.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, made)
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)


@contextlib.contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A path at which to make a folder, which becomes ``path`` when the block ends, and vanishes when it raises.

    What was at ``path`` is moved aside first and back again if the move fails: no moment is without the one or the
    other on the disk.

    Raises:
        OSError: the folder around ``path`` cannot be written to.
    """
    holder = _beside(path)
    holder.mkdir()
    new, old = holder / "new", holder / "old"
    try:
        yield new
        if path.exists():
            path.rename(old)
        new.rename(path)
    finally:
        if old.exists() and not path.exists():
            old.rename(path)
        shutil.rmtree(holder, ignore_errors=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".jaxport-{os.getpid()}-{secrets.token_hex(4)}")
