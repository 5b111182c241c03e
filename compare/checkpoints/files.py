"""Checkpoint files read and written by their suffix: the one place where anything wrong becomes a line for the user.

.safetensors, .npz                 either side
.pt, .pth, .bin                    a torch state_dict: the reference
.msgpack, or a folder by Orbax     Flax variables: the port (a folder's name ends in .orbax or has no suffix)
"""

import os
from pathlib import Path

from compare.checkpoints import flax_msgpack, npz, orbax_folder, safetensors, state_dict
from compare.checkpoints.atomic import whole_file, whole_folder
from compare.checkpoints.checkpoint import Checkpoint, UnsoundError, joined, sound
from compare.checkpoints.kinds import EMPTY, EMPTY_FOLDER, FOLDER, KINDS, NOTHING, PICKLE, SCRIPT, SPECIAL, kind_of
from compare.errors import UsageError

SUFFIXES = {
    ".safetensors": "safetensors", ".npz": "npz", ".pt": "torch", ".pth": "torch", ".bin": "torch",
    ".msgpack": "msgpack", ".orbax": "orbax", "": "orbax",
}  # fmt: skip
ONLY = {"torch": "reference", "msgpack": "port", "orbax": "port"}
IN_FILES = {"safetensors": safetensors, "npz": npz, "msgpack": flax_msgpack}
WRITERS = {**IN_FILES, "torch": state_dict}


def read(path: Path) -> Checkpoint:
    """The checkpoint at ``path``: a folder is Orbax's, a file what its suffix says.

    Raises:
        UsageError: one line: it is not there, may not be read, has an unknown suffix, is truncated, is not what its
            suffix says, or holds code, objects, equal names or dtypes that no weight has.
    """
    path = Path(path)
    try:
        kind = kind_of(path)
        if kind in (NOTHING, SPECIAL):
            raise UnsoundError("no such file or folder" if kind == NOTHING else f"{SPECIAL}, not a checkpoint")
        format = "orbax" if path.is_dir() else format_of(path)
        if format == "orbax" and not path.is_dir():
            unnamed = f"has no suffix, so that its format is unknown: expected {_suffixes()}"
            raise UnsoundError(f"not {KINDS[format]} but {kind}" if path.suffix else unnamed)
        return sound(_read(path, format, kind))
    except (UnsoundError, OSError, MemoryError) as error:
        raise _usage(path, "read", error) from error


def write(path: Path, checkpoint: Checkpoint, format: str | None = None) -> None:
    """Write ``checkpoint`` in ``format``, or the one of the suffix of ``path``; whole or not at all.

    A checkpoint of the same format that is there is replaced, anything else is refused. Metadata goes where the format
    has a place for it (safetensors, npz, orbax). A link is followed.

    Raises:
        UsageError: one line: unknown suffix, wrong side or dtype for the format, something else is there, or it
            cannot be written.
    """
    path = Path(path)
    try:
        format = format or format_of(path)
        if format not in KINDS:
            raise UnsoundError(f"unknown format {format!r}: expected one of {', '.join(KINDS)}")
        checkpoint = sound(checkpoint)
        side = checkpoint.side
        if ONLY.get(format, side) != side:
            raise UnsoundError(f"{KINDS[format]} is for the {ONLY[format]}, and these arrays are the {side}'s")
        target = Path(os.path.realpath(path))
        _check_free(target, format)
        if format == "orbax":
            with whole_folder(target) as folder:
                orbax_folder.write(folder, checkpoint)
        else:
            with whole_file(target) as file:
                WRITERS[format].write(file, checkpoint)
    except (UnsoundError, OSError, MemoryError) as error:
        raise _usage(path, "written", error) from error


def format_of(path: Path) -> str:
    """The format that the suffix of ``path`` stands for; UnsoundError where none does."""
    try:
        return SUFFIXES[path.suffix.lower()]
    except KeyError:
        raise UnsoundError(f"unknown suffix {path.suffix!r}: expected {_suffixes()}") from None


def _read(path: Path, format: str, kind: str) -> Checkpoint:
    try:
        if format == "orbax":
            return orbax_folder.read(path)
        if format == "torch":
            return state_dict.read(path)
        with path.open("rb") as file:
            return IN_FILES[format].read(file)
    except UnsoundError as error:
        # What it is instead says more than how it fails to be what its name says.
        known = (*KINDS.values(), FOLDER, EMPTY_FOLDER, PICKLE, SCRIPT)
        other = kind in known and kind != KINDS[format] and format != "torch"  # which says so itself
        raise UnsoundError(f"not {KINDS[format]} but {kind}") if other else error from error


def _check_free(target: Path, format: str) -> None:
    kind = kind_of(target)
    harmless = (NOTHING, EMPTY_FOLDER) if format == "orbax" else (NOTHING, EMPTY)
    if kind not in (*harmless, KINDS[format]):
        raise UnsoundError(f"there is {kind}, not {KINDS[format]}: remove it first, or choose another name")
    if format == "orbax" and (others := orbax_folder.foreign(target)):
        raise UnsoundError(f"there is a folder with more than one checkpoint in it ({joined(others)}): remove it first")


def _suffixes() -> str:
    return ", ".join(filter(None, SUFFIXES)) + " or an Orbax folder"


def _usage(path: Path, done: str, error: BaseException) -> UsageError:
    if isinstance(error, UnsoundError):
        reason = str(error)
    elif isinstance(error, MemoryError):
        reason = f"cannot be {done} (not enough memory)"
    else:
        reason = f"cannot be {done} ({getattr(error, 'strerror', None) or type(error).__name__})"
    return UsageError(f"{_printable(str(path))}: {_printable(' '.join(reason.split()))}")


def _printable(text: str) -> str:
    """One line without control characters: names come from files, and must not steer the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
