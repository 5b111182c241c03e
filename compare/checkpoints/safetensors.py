"""The safetensors format, read and written strictly, with no package but NumPy.

Eight bytes, little-endian: the length of the header. The header: JSON, for each name its dtype, shape and the bytes'
place after the header; "__metadata__" holds text by text. Then the arrays' bytes in C order, without holes or overlaps.
Source: https://huggingface.co/docs/safetensors ("Format"). Written here and not left to the package of that name, since
its version 0.8.0 silently scrambles arrays that are not C-contiguous (its issue 825).
"""

import json
import math
import os
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeGuard, cast

import numpy as np

from compare.checkpoints.atomic import whole_file
from compare.checkpoints.checkpoint import DTYPES, Checkpoint, Side, UnsoundError, check_shape, side_of
from compare.checkpoints.formats import Seen
from compare.checkpoints.json_file import strict_json

LONGEST_HEADER = 100_000_000  # what the format's own reader accepts
SIDE = "jaxport.side"
Entries = Mapping[str, tuple[np.dtype, tuple[int, ...], int]]  # of each array its dtype, shape and first byte
FORMAT = {"reference": "pt", "port": "flax"}  # by which other readers tell whose arrays these are
CODES = {
    "BOOL": "bool", "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64",
    "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64",
    "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64", "C64": "complex64",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
    "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
}  # fmt: skip


def recognised(seen: Seen) -> bool:
    """A length that a header may have, and the brace with which the header begins."""
    return seen.head[8:9] == b"{" and struct.unpack("<Q", seen.head[:8])[0] <= LONGEST_HEADER


def read(path: Path) -> Checkpoint:
    """The arrays of ``path``, in its header's order, read-only: they lie in the file, and take memory while they are
    looked at. The side by its note, else by the names.

    Raises:
        UnsoundError: the file breaks the format's rules in any way, or ends early.
    """
    with path.open("rb") as file:
        notes, entries, first = _opened(file)
        every = np.asarray(np.memmap(file, np.uint8, mode="r"))
    arrays = {name: _array(every, first + start, dtype, shape) for name, (dtype, shape, start) in entries.items()}
    return Checkpoint(_side(notes, entries), "safetensors", arrays, _without_own(notes, entries))


def metadata(path: Path) -> dict[str, str]:
    """What the header says beside the arrays; it is checked as a whole."""
    with path.open("rb") as file:
        notes, entries, _ = _opened(file)
    return _without_own(notes, entries)


def _opened(file: BinaryIO) -> tuple[dict[str, str], Entries, int]:
    """The header's notes and arrays, and where the first array begins."""
    size = os.fstat(file.fileno()).st_size
    if size < 8:
        raise UnsoundError(f"truncated: {size} bytes, where a header's length alone takes 8")
    (length,) = struct.unpack("<Q", file.read(8))
    if length > LONGEST_HEADER:
        raise UnsoundError(f"says that its header has {length} bytes, more than the format allows")
    if length > size - 8:
        raise UnsoundError(f"truncated inside its header ({size - 8} of {length} bytes)")
    header = _header(file.read(length))
    notes = header.pop("__metadata__", {})
    if not isinstance(notes, dict) or not all(isinstance(value, str) for value in notes.values()):
        raise UnsoundError("its __metadata__ is not text by text")
    entries = {name: _entry(name, entry) for name, entry in header.items()}
    _check_places(entries, size - 8 - length)
    return notes, entries, 8 + length


def write(path: Path, checkpoint: Checkpoint) -> None:
    """The header in the checkpoint's order; the bytes widest dtype first, so that each array lies aligned.

    Raises:
        UnsoundError: a name is the format's own, or the format lacks a dtype (complex128, rarer float8 kinds).
    """
    codes = {kind: code for code, kind in CODES.items()}
    header: dict[str, Any] = {"__metadata__": checkpoint.metadata | _notes(checkpoint.side)}
    width: dict[str, int] = {}
    for name, array in checkpoint.arrays.items():
        if name == "__metadata__":
            raise UnsoundError("no array can be named __metadata__ in a safetensors file")
        if array.dtype.name not in codes:
            raise UnsoundError(f"{name!r} has dtype {array.dtype}, which a safetensors file cannot hold")
        header[name] = {"dtype": codes[array.dtype.name], "shape": list(array.shape)}
        width[name] = array.itemsize
    order = sorted(width, key=lambda name: -width[name])
    end = 0
    for name in order:
        start, end = end, end + math.prod(header[name]["shape"]) * width[name]
        header[name]["data_offsets"] = [start, end]
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > LONGEST_HEADER:
        raise UnsoundError(f"its header would take {len(text)} bytes, more than a safetensors file allows")
    with whole_file(path) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            file.write(np.ascontiguousarray(checkpoint.arrays[name]).reshape(-1).view(np.uint8).data)


def _header(text: bytes) -> dict[str, object]:
    if not text.startswith(b"{"):
        raise UnsoundError("its header is no JSON object")
    try:
        return cast(dict[str, object], strict_json(text.decode()))
    except ValueError as error:
        raise UnsoundError(f"its header is no sound JSON ({error})") from error


def _entry(name: str, entry: object) -> tuple[np.dtype, tuple[int, ...], int]:
    """An entry's dtype, shape and first byte, once it agrees with itself."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise UnsoundError(f"{name!r} is not described by exactly a dtype, a shape and data_offsets")
    code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(code, str) or code not in CODES:
        raise UnsoundError(f"{name!r} has the unknown dtype {code!r}")
    if not _counts(shape) or not _counts(offsets) or len(offsets) != 2:
        raise UnsoundError(f"{name!r} has a shape or data_offsets that are no whole numbers of its kind")
    dtype, (start, end) = DTYPES[CODES[code]], offsets
    check_shape(name, shape, dtype)
    if end - start != math.prod(shape) * dtype.itemsize:
        raise UnsoundError(f"{name!r} has {end - start} bytes, its dtype {code} and shape {shape} need another number")
    return dtype, tuple(shape), start


def _counts(numbers: object) -> TypeGuard[list[int]]:
    return isinstance(numbers, list) and all(type(number) is int and 0 <= number < 2**63 for number in numbers)


def _check_places(entries: Entries, size: int) -> None:
    """Each byte after the header belongs to exactly one array."""
    end = 0
    spans = sorted((start, math.prod(shape) * dtype.itemsize, name) for name, (dtype, shape, start) in entries.items())
    for start, length, name in spans:
        if start != end:
            raise UnsoundError(
                f"{name!r} starts at byte {start}: a {'hole' if start > end else 'overlap'} after byte {end}"
            )
        end += length
    if size != end:
        state = "truncated" if size < end else "longer than its header says"
        raise UnsoundError(f"{state}: {size} bytes of arrays, the header says {end}")


def _array(every: np.ndarray, place: int, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    array = every[place : place + math.prod(shape) * dtype.itemsize].view(dtype).reshape(shape)
    # Other writers may put an array at any byte, and not every reader of memory takes one that is not aligned.
    return array if array.flags.aligned else array.copy()


def _side(notes: Mapping[str, str], names: Iterable[str]) -> Side:
    noted = notes.get(SIDE)
    if noted is None:
        return side_of(names)
    if noted not in FORMAT:
        raise UnsoundError(f"its note says side {noted!r}: expected reference or port")
    return "port" if noted == "port" else "reference"


def _without_own(notes: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """The notes but for those that ``write`` adds."""
    own = _notes(_side(notes, names))
    return {key: value for key, value in notes.items() if key != SIDE and own.get(key) != value}


def _notes(side: Side) -> dict[str, str]:
    return {SIDE: side, "format": FORMAT[side]}
