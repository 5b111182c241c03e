"""The IDX file format, in which MNIST and Fashion-MNIST are published, raw or gzipped.

Big-endian: two zero bytes, a type code, the number of axes; one uint32 for each axis; the entries in C order.
Source: http://yann.lecun.com/exdb/mnist/ ("the IDX file format"), as torchvision's MNIST reads it.
"""

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np

from compare.errors import UsageError

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path: Path, axes: int) -> np.ndarray:
    """The array in ``path``, which must have ``axes`` axes (3 for images, 1 for labels).

    Raises:
        UsageError: the file cannot be read, is no IDX file, has other axes, or is shorter or longer than it says.
    """
    data = _payload(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in DTYPES:
        raise UsageError(
            f"{path}: expected an IDX file, which starts with 00 00, a type code and the number of axes; "
            f"got {data[:4].hex(' ') or 'an empty file'}"
        )
    dtype, ndim = np.dtype(DTYPES[data[2]]), data[3]
    if ndim != axes:
        what = "images" if axes == 3 else "labels"
        raise UsageError(f"{path}: expected {axes} axes for {what}, the header says {ndim}: is it the right file?")
    start = 4 + 4 * ndim
    if len(data) < start:
        raise UsageError(f"{path}: truncated inside its header ({len(data)} of {start} bytes): fetch it again")
    shape = struct.unpack(f">{ndim}I", data[4:start])
    wanted = start + dtype.itemsize * int(np.prod(shape, dtype=object))
    if len(data) != wanted:
        state = "truncated" if len(data) < wanted else "longer than its header says"
        raise UsageError(f"{path}: {state}: expected {wanted} bytes for shape {shape}, got {len(data)}: fetch it again")
    try:
        return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
    except ValueError as error:
        raise UsageError(f"{path}: no array can have the shape {shape} that its header says") from error


def _payload(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data.startswith(GZIP_MAGIC) else data
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UsageError(f"{path}: truncated or damaged gzip file ({error}): fetch it again") from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
