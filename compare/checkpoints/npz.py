"""NumPy's .npz archives, with a note in which bfloat16 and float8 keep their names.

The archive opens with ``np.load`` as any other. Kinds that NumPy's file format cannot name are stored as unsigned
integers of their width; the member ``__jaxport__`` (JSON, as bytes) says which they are, and whose arrays these are.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import numpy as np

from compare.checkpoints.atomic import whole_file
from compare.checkpoints.checkpoint import DTYPES, EXTENDED, Checkpoint, Side, UnsoundError, side_of
from compare.checkpoints.formats import Seen
from compare.errors import swallowed

NOTE = "__jaxport__"
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
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            arrays = _members(archive)
    except BROKEN as error:
        raise UnsoundError(f"no whole .npz archive ({error})") from error
    note = _note(arrays.pop(NOTE, None))
    for name, kind in note["dtypes"].items():
        arrays[name] = _typed(name, arrays.get(name), kind)
    side = note["side"] or side_of(arrays)
    return Checkpoint(side, "npz", arrays, note["metadata"])


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


def _put(archive: zipfile.ZipFile, name: str, array: np.ndarray) -> None:
    with archive.open(zipfile.ZipInfo(name + ".npy"), "w", force_zip64=True) as member:
        np.lib.format.write_array(member, array, allow_pickle=False)


def _members(archive: zipfile.ZipFile) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name == info.filename:
            raise UnsoundError(f"no .npz archive: its part {name!r} is no .npy array")
        if name in arrays:
            raise UnsoundError(f"two arrays have the name {name!r}")
        # The whole member is taken first: that checks its checksum, and bounds what its header may ask for.
        arrays[name] = _array(name, archive.read(info))
    return arrays


def _array(name: str, data: bytes) -> np.ndarray:
    head = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(head)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = header(head)
    except Exception as error:
        swallowed(error)
        # NumPy reads the header with Python's own parser, and lets all of that parser's errors through.
        raise UnsoundError(f"{name!r} is no sound .npy array ({type(error).__name__} in its header)") from error
    if dtype.hasobject:
        raise UnsoundError(f"{name!r} holds Python objects, which may hold code: refused")
    left = len(data) - head.tell()
    if left != dtype.itemsize * int(np.prod(shape, dtype=object)):
        raise UnsoundError(f"{name!r} has {left} bytes, its dtype {dtype} and shape {shape} need another number")
    # A copy: the bytes behind the header may lie unaligned, and are read-only.
    return np.ndarray(shape, dtype, data, head.tell(), order="F" if fortran else "C").copy("C")


def _note(array: np.ndarray | None) -> Note:
    if array is None:
        return {"side": None, "dtypes": {}, "metadata": {}}
    try:
        note = json.loads(array.tobytes().decode())
        sound = note["side"] in ("reference", "port") and all(_texts(note[key]) for key in ("dtypes", "metadata"))
    except (ValueError, RecursionError, KeyError, TypeError) as error:
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
