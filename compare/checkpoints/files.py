"""Checkpoint files read and written by their suffix: the one place where anything wrong becomes a line for the user."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from compare.checkpoints.checkpoint import Checkpoint, OtherKindError, UnsoundError, sound
from compare.checkpoints.formats import FORMATS, ROWS, Foretelling, Format, by_suffix, suffixes
from compare.checkpoints.kinds import EMPTY, EMPTY_FOLDER, FOLDER, NOTHING, PICKLE, POINTER, SCRIPT, SPECIAL, kind_of
from compare.checkpoints.sharded import ALONE, ENDING, checkpoint_in, is_index, read_shards
from compare.errors import UsageError, in_one_line, printable, swallowed

Part = TypeVar("Part")


def read(path: Path) -> Checkpoint:
    """The checkpoint at ``path``: a file what its suffix says, an index of shards all of them; a folder is Orbax's, or
    holds an index, or ``model.safetensors``. Large arrays lie in their file where the format allows it.

    Raises:
        UsageError: one line: it is not there, may not be read, has an unknown suffix, is truncated, is not what its
            suffix says, or holds code, objects, equal names or dtypes that no weight has; or a shard is missing.
    """
    path = Path(path)
    with _in_one_line(path, "read"):
        path = checkpoint_in(path)
        if is_index(path):
            return sound(read_shards(path, read))
        kind, format = _at(path)
        return sound(_read(path, format, kind, format.codec.read))


def metadata(path: Path) -> dict[str, str]:
    """The metadata of the checkpoint at ``path``, where its format can tell them without reading an array first.

    Raises:
        UsageError: as ``read`` does.
    """
    path = Path(path)
    with _in_one_line(path, "read"):
        path = checkpoint_in(path)
        if is_index(path):
            return read(path).metadata
        kind, format = _at(path)
        if isinstance(format.codec, Foretelling):
            return _read(path, format, kind, format.codec.metadata)
        return _read(path, format, kind, format.codec.read).metadata


def write(path: Path, checkpoint: Checkpoint, format: str | None = None) -> None:
    """Write ``checkpoint`` in the format of that name, or of the suffix of ``path``; whole or not at all.

    A checkpoint of the same format that is there is replaced, anything else is refused. Metadata goes where the format
    has a place for it (safetensors, npz, orbax). A link is followed.

    Raises:
        UsageError: one line: unknown suffix, wrong side or dtype for the format, something else is there, or it
            cannot be written.
    """
    path = Path(path)
    with _in_one_line(path, "written"):
        if format and format not in FORMATS:
            raise UnsoundError(f"unknown format {format!r}: expected one of {', '.join(FORMATS)}")
        row = FORMATS[format] if format else format_of(path)
        checkpoint = sound(checkpoint)
        if row.only not in (None, checkpoint.side):
            raise UnsoundError(f"{row.words} is for the {row.only}, and these arrays are the {checkpoint.side}'s")
        target = Path(os.path.realpath(path))
        kind = kind_of(target)
        if kind not in (NOTHING, EMPTY_FOLDER if row.folder else EMPTY, row.words):
            raise UnsoundError(f"there is {kind}, not {row.words}: remove it first, or choose another name")
        row.codec.write(target, checkpoint)


def format_of(path: Path) -> Format:
    """The format that the suffix of ``path`` stands for; UnsoundError where none does."""
    if row := by_suffix(path):
        return row
    raise UnsoundError(f"unknown suffix {path.suffix!r}: expected {suffixes()}")


def _read(path: Path, format: Format, kind: str, reader: Callable[[Path], Part]) -> Part:
    try:
        return reader(path)
    except OtherKindError:
        raise
    except UnsoundError as error:
        # What it is instead says more than how it fails to be what its name says.
        known = (*(row.words for row in ROWS), FOLDER, EMPTY_FOLDER, PICKLE, POINTER, SCRIPT)
        other = kind in known and kind != format.words
        raise UnsoundError(f"not {format.words} but {kind}") if other else error from error


def _at(path: Path) -> tuple[str, Format]:
    """What lies at ``path`` (``kind_of``), and the format that its name says it is of."""
    kind = kind_of(path)
    if kind in (NOTHING, SPECIAL):
        raise UnsoundError("no such file or folder" if kind == NOTHING else f"{SPECIAL}, not a checkpoint")
    format = next(row for row in ROWS if row.folder) if path.is_dir() else format_of(path)
    if format.folder and not path.is_dir():
        unnamed = f"has no suffix, so that its format is unknown: expected {suffixes()}"
        raise UnsoundError(f"not {format.words} but {kind}" if path.suffix else unnamed)
    if kind in (FOLDER, EMPTY_FOLDER):
        raise UnsoundError(f"{kind} without a checkpoint: expected in it *{ENDING} or {ALONE}, or {format.words}")
    return kind, format


@contextlib.contextmanager
def _in_one_line(path: Path, done: str) -> Iterator[None]:
    """Whatever a format's file or its library says of a bad file is one line; that it is not installed is no such."""
    try:
        yield
    except (UnsoundError, OSError, MemoryError) as error:
        raise _usage(path, done, error) from error
    except (ImportError, UsageError):
        raise
    except Exception as error:
        swallowed(error)
        raise _usage(path, done, UnsoundError(f"cannot be {done} ({in_one_line(error, 120)})")) from error


def _usage(path: Path, done: str, error: BaseException) -> UsageError:
    if isinstance(error, UnsoundError):
        reason = str(error)
    elif isinstance(error, MemoryError):
        reason = f"cannot be {done} (not enough memory)"
    else:
        reason = f"cannot be {done} ({getattr(error, 'strerror', None) or type(error).__name__})"
    return UsageError(f"{printable(str(path))}: {printable(' '.join(reason.split()))}")
