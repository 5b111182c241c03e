"""Files and folders that appear whole or not at all: made beside the target, then moved into its place."""

import contextlib
import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from compare.errors import UsageError


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which becomes ``path`` when the block ends, and vanishes when it raises.

    Raises:
        OSError: the folder cannot be written to, or ``path`` is write-protected.
    """
    with whole(path) as made, made.open("xb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def whole(path: Path, new: bool = False) -> Iterator[Path]:
    """A path with the suffix of ``path`` at which to make a file, for makers that open it themselves; else the same.

    Raises:
        FileExistsError: something is at ``path``, a broken link too, and ``new`` says that nothing may be.
    """
    if new and os.path.lexists(path):
        raise FileExistsError(17, "is there already", str(path))
    path = Path(os.path.realpath(path))  # a link stays a link: what it points to is written
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(13, "write-protected", str(path))
    beside = _beside(path)
    try:
        yield beside
        if new:
            _put_new(beside, path)
            return
        if path.exists():
            shutil.copymode(path, beside)
        beside.replace(path)
    finally:
        if os.path.exists(beside):  # not so where a name on the way there is too long, or is a file's
            beside.unlink()


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


def write(path: Path, make: Callable[[Path], None], new: bool = False) -> None:
    """Have ``make`` write a file beside ``path``, then put it in its place in one move; ``new``: where nothing is.
    A device or a pipe is written into, never replaced by a file.

    Raises:
        UsageError: it cannot be written there, or something is there already where it is to be new.
    """
    try:
        if not new and path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not path.name or "\0" in str(path):
            raise OSError(errno.EINVAL, "it names no file")
        if not new and path.exists() and not path.is_file():
            make(path)
            return
        with whole(path, new) as beside:
            make(beside)
    except FileExistsError as error:
        raise UsageError(f"{path}: is there already, and is not overwritten") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror})") from error


def write_text(path: Path, text: str, new: bool = False) -> None:
    """A file of text, as ``write`` puts it there.

    Raises:
        UsageError: as ``write``.
    """

    def fill(beside: Path) -> None:
        beside.write_text(text, encoding="utf-8")

    write(path, fill, new)


@contextlib.contextmanager
def writing_to(place: str) -> Iterator[None]:
    """Inside, a stream is written to: a disk that is full is said as of a file. That the reader of a pipe has gone
    stays a ``BrokenPipeError``, which is nobody's mistake.

    Raises:
        UsageError: it cannot be written there.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"{place}: cannot be written ({error.strerror})") from error


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


def _put_new(beside: Path, path: Path) -> None:
    """Move a file to where nothing is: a link, which does not replace what somebody made there in the meantime."""
    try:
        os.link(beside, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        beside.replace(path)


def _beside(path: Path) -> Path:
    return path.with_name(f".jaxport-{os.getpid()}-{secrets.token_hex(4)}{path.suffix[:20]}")
