"""NumPy's .npz archives, with a note in which bfloat16 and float8 keep their names.

The archive opens with ``np.load`` as any other. Kinds that NumPy's file format cannot name are stored as unsigned
integers of their width; the member ``__jaxport__`` (JSON, as bytes) says which they are, and whose arrays these are.
"""

import contextlib
import json
import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TypedDict

import numpy as np

from compare.checkpoints.atomic import whole_file
from compare.checkpoints.checkpoint import (
    DTYPES,
    EXTENDED,
    Checkpoint,
    Side,
    UnsoundError,
    check_dtype,
    check_shape,
    side_of,
)
from compare.checkpoints.declared import check_archive, size_on_disk
from compare.checkpoints.formats import Seen
from compare.checkpoints.json_file import strict_json
from compare.errors import swallowed

NOTE = "__jaxport__"
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, OverflowError)


class Note(TypedDict):
    """What the archive says of its arrays; the side is None where there is no note."""

    side: Side | None
    dtypes: dict[str, str]
    metadata: dict[str, str]


def recognised(seen: Seen) -> bool:
    """A zip archive of nothing but arrays; the smallest has none."""
    return seen.head.startswith(b"PK") and all(part.endswith(".npy") for part in seen.parts)


def read(path: Path) -> Checkpoint:
    """The arrays of ``path`` in the archive's order; the side by the note, else by the names.

    Raises:
        UnsoundError: no archive of arrays, a member that is damaged, holds objects or comes twice, or a note that
            does not fit the arrays.
    """
    with _opened(path) as archive:
        arrays = {name: _array(archive, name, part) for name, part in _named(archive).items()}
    note = _note(arrays.pop(NOTE, None))
    for name, kind in note["dtypes"].items():
        arrays[name] = _typed(name, arrays.get(name), kind)
    side = note["side"] or side_of(arrays)
    return Checkpoint(side, "npz", arrays, note["metadata"])


def metadata(path: Path) -> dict[str, str]:
    """What the archive's note says beside the dtypes, read without any array; nothing where there is no note.

    Raises:
        UnsoundError: no archive of arrays, or a note that cannot be read.
    """
    with _opened(path) as archive:
        part = _named(archive).get(NOTE)
        return _note(None if part is None else _array(archive, NOTE, part))["metadata"]


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Members uncompressed, as ``np.savez`` writes them, the note first.

    Raises:
        UnsoundError: a name that is the note's own, or too long for a zip archive.
    """
    dtypes = {name: array.dtype.name for name, array in checkpoint.arrays.items() if array.dtype.name in EXTENDED}
    note = {"side": checkpoint.side, "dtypes": dtypes, "metadata": checkpoint.metadata}
    with whole_file(path) as file, zipfile.ZipFile(file, "w") as archive:
        _put(archive, NOTE, np.frombuffer(json.dumps(note).encode(), np.uint8))
        for name, array in checkpoint.arrays.items():
            if name == NOTE or len(name.encode()) > 2**16 - 5:
                raise UnsoundError(f"no array can be named {name!r:.80} in a .npz archive")
            _put(archive, name, array.view(f"u{array.itemsize}") if name in dtypes else array)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            check_archive(archive, size_on_disk(path))
            yield archive
    except BROKEN as error:
        raise UnsoundError(f"no whole .npz archive ({error})") from error


def _put(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(zipfile.ZipInfo(name + ".npy"), "w", force_zip64=True) as member:
        np.lib.format.write_array(member, array, allow_pickle=False)


def _named(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The archive's parts by the names of their arrays, once all of them together are no larger than they may be."""
    parts: dict[str, zipfile.ZipInfo] = {}
    for part in archive.infolist():
        name = part.filename.removesuffix(".npy")
        if name == part.filename:
            raise UnsoundError(f"no .npz archive: its part {name!r} is no .npy array")
        if name in parts:
            raise UnsoundError(f"two arrays have the name {name!r}")
        if part.compress_type not in PACKINGS:
            raise UnsoundError(f"{name!r} is packed by method {part.compress_type} of zip, which NumPy does not use")
        parts[name] = part
    return parts


def _array(archive: zipfile.ZipFile, name: str, part: zipfile.ZipInfo) -> np.ndarray:
    """An array, whose header is held against the part's size before the rest of it is unpacked."""
    with archive.open(part) as member:
        shape, fortran, dtype = _npy_header(name, member)
        check_dtype(name, dtype)
        check_shape(name, shape, dtype)
        left = part.file_size - member.tell()
        if left != dtype.itemsize * math.prod(shape):
            raise UnsoundError(f"{name!r} has {left} bytes, its dtype {dtype} and shape {shape} need another number")
        data = member.read()
    # A copy: the bytes are read-only. The archive has checked their number and checksum.
    return np.ndarray(shape, dtype, data, order="F" if fortran else "C").copy("C")


def _npy_header(name: str, member: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether in Fortran's order, and dtype; the bytes of the array come next."""
    try:
        version = np.lib.format.read_magic(member)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = header(member)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, MemoryError):
        raise
    except Exception as error:
        swallowed(error)
        # NumPy reads the header with Python's own parser, and lets all of that parser's errors through.
        raise UnsoundError(f"{name!r} is no sound .npy array ({type(error).__name__} in its header)") from error
    if version > (3, 0):
        raise UnsoundError(f"{name!r} is of version {version[0]}.{version[1]} of the .npy format, which NumPy lacks")
    return shape, fortran, dtype


def _note(array: np.ndarray | None) -> Note:
    if array is None:
        return {"side": None, "dtypes": {}, "metadata": {}}
    try:
        note: Any = strict_json(array.tobytes())
        sound = note["side"] in ("reference", "port") and all(_texts(note[key]) for key in ("dtypes", "metadata"))
    except (ValueError, KeyError, TypeError) as error:
        raise UnsoundError(f"its note {NOTE} cannot be read ({type(error).__name__})") from error
    if not sound:
        raise UnsoundError(f"its note {NOTE} does not say a side, dtypes and metadata")
    return Note(side=note["side"], dtypes=note["dtypes"], metadata=note["metadata"])


def _texts(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(text, str) for text in value.values())


def _typed(name: str, stored: np.ndarray | None, kind: str) -> np.ndarray:
    if stored is None or kind not in EXTENDED or stored.dtype.kind != "u" or stored.itemsize != DTYPES[kind].itemsize:
        raise UnsoundError(f"its note says that {name!r} is {kind}, which does not fit what is there")
    return stored.view(DTYPES[kind])
