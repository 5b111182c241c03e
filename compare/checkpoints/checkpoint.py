"""What every checkpoint file comes to: named arrays in file order, and the side that they belong to."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import ml_dtypes
import numpy as np
from numpy.typing import ArrayLike

from compare.arrays.made import Made

Side = Literal["reference", "port"]

# NumPy's own kinds, and those of ml_dtypes that both frameworks or one of them train in.
DTYPES = {
    dtype.name: dtype
    for dtype in (
        *map(np.dtype, ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")),
        *map(np.dtype, ("float16", "float32", "float64", "complex64", "complex128")),
        *map(np.dtype, (ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e4m3fnuz, ml_dtypes.float8_e5m2)),
        *map(np.dtype, (ml_dtypes.float8_e5m2fnuz, ml_dtypes.float8_e8m0fnu, ml_dtypes.float8_e4m3)),
        *map(np.dtype, (ml_dtypes.float8_e3m4, ml_dtypes.float8_e4m3b11fnuz)),
    )
}
# What NumPy's own files cannot name: kept there as unsigned integers of the same width.
EXTENDED = {name for name, dtype in DTYPES.items() if dtype.isbuiltin != 1}


class UnsoundError(Exception):
    """A file, or what should become one, is not what it should be: the reason alone, without the path."""


class OtherKindError(UnsoundError):
    """The file is of another kind than its name says, and the reason says of which."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Arrays of one side, as they stand in a file.

    Attributes:
        side: "reference" for a torch state_dict, "port" for Flax variables.
        format: the name of a row of ``compare.checkpoints.formats``.
        arrays: C-contiguous arrays of the machine's byte order, in file order, never widened. Their names are those of
            the state_dict ("layer.0.weight"), or of a leaf of the variables ("params/Dense_0/kernel"). Of one that is
            to be written each may be made when it is asked for.
        metadata: what else the file says, and what was left out of it, in words.
    """

    side: Side
    format: str
    arrays: Mapping[str, np.ndarray]
    metadata: dict[str, str] = field(default_factory=dict)


def side_of(names: Iterable[str]) -> Side:
    """The side that names without a note belong to: a leaf's path has slashes, a state_dict's names have none."""
    return "port" if any("/" in name for name in names) else "reference"


def plain(name: str, array: ArrayLike) -> np.ndarray:
    """``array`` in C order and the machine's byte order, value and shape unchanged (an axis-free one stays so).

    Raises:
        UnsoundError: its dtype is none that weights have (objects, text, records, packed or extended kinds), or it is
            of booleans that are neither true nor false.
    """
    array = np.asarray(array)
    check_dtype(name, array.dtype)
    native = np.asarray(array, DTYPES[array.dtype.name], order="C")
    if native.dtype.kind == "b" and native.size and native.view(np.uint8).max() > 1:
        raise UnsoundError(f"{name!r} has bytes that are neither true nor false")
    return native


def check_dtype(name: str, dtype: np.dtype) -> None:
    """Refuse what no weight has, before there is an array of it.

    Raises:
        UnsoundError: ``dtype`` is none of ``DTYPES``, in either byte order.
    """
    if dtype.hasobject:
        raise UnsoundError(f"{name!r} holds Python objects, which may hold code: refused")
    if DTYPES.get(dtype.name) != dtype.newbyteorder("="):
        forgotten = " (np.savez forgets bfloat16 and float8: save their bits as integers)"
        hint = forgotten if dtype.str in ("|V1", "|V2") else ""
        raise UnsoundError(f"{name!r} has dtype {dtype}, which no weight has{hint}")


def check_shape(name: str, shape: Sequence[object], dtype: np.dtype) -> None:
    """Refuse a shape that no array can have, be one of its sizes zero.

    Raises:
        UnsoundError: a size that is no whole number, more than 64 of them, or more bytes than can be addressed.
    """
    sizes = [size for size in shape if type(size) is int and size >= 0]
    if len(sizes) < len(shape) or len(shape) > 64 or math.prod(filter(None, sizes)) * dtype.itemsize >= 2**63:
        raise UnsoundError(f"{name!r} has the shape {tuple(shape)!s:.80}, which no array can have")


def sound(checkpoint: Checkpoint) -> Checkpoint:
    """``checkpoint`` with plain arrays, once its names, side and metadata are such as every format can hold.

    Raises:
        UnsoundError: one of them is not.
    """
    if checkpoint.side not in ("reference", "port"):
        raise UnsoundError(f"side must be reference or port, got {checkpoint.side!r}")
    for name in checkpoint.arrays:
        _check_text(name, "a name")
    for key, value in checkpoint.metadata.items():
        _check_text(key, "a metadata key")
        _check_text(value, f"metadata {key!r}")
    arrays = _each_once(checkpoint.arrays)
    return Checkpoint(checkpoint.side, checkpoint.format, arrays, dict(checkpoint.metadata))


def joined(items: Iterable[object]) -> str:
    """The first few of ``items`` in one line."""
    words = [str(item) for item in items]
    return ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")


def _each_once(arrays: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    if isinstance(arrays, Made):
        return Made(arrays, lambda name: plain(name, arrays[name]))
    # Tied weights are one array under two names, and must still be one where a copy is made.
    made: dict[int, np.ndarray] = {}
    return {name: made.setdefault(id(array), plain(name, array)) for name, array in arrays.items()}


def _check_text(text: object, what: str) -> None:
    if not isinstance(text, str):
        raise UnsoundError(f"{what} must be text, got {text!r:.80}")
    if what == "a name" and (not text or "\0" in text):
        raise UnsoundError(f"{what} is empty or holds a NUL byte: {text!r:.80}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UnsoundError(f"{what} is no valid Unicode: {text!r:.80}") from error
