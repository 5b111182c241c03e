"""Flax variables as msgpack, as ``flax.serialization.to_bytes`` writes them.

Written by Flax itself; read by msgpack with Flax's own codes for arrays, since Flax lets the second of two equal keys
win without a word and takes an array's header as it comes.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from compare.checkpoints.atomic import whole_file
from compare.checkpoints.checkpoint import DTYPES, Checkpoint, UnsoundError, check_shape
from compare.checkpoints.formats import Seen
from compare.checkpoints.tree import flatten, nest

ARRAY, COMPLEX, SCALAR = 1, 2, 3  # Flax's extension codes
CHUNKED = "__msgpack_chunked_array__"


def recognised(seen: Seen) -> bool:
    """A map of at most 15 entries, or with its length in 16 or 32 bits; its first key is text, or it is empty."""
    if not seen.head:
        return False
    start = {0xDE: 3, 0xDF: 5}.get(seen.head[0], 1 if 0x80 <= seen.head[0] <= 0x8F else 0)
    key = seen.head[start : start + 1]
    text = bool(key) and (0xA0 <= key[0] <= 0xBF or key[0] in (0xD9, 0xDA, 0xDB))
    return start > 0 and (text if key else seen.size == start)


def read(path: Path) -> Checkpoint:
    """The leaves of the nested dictionaries in ``path``, in file order; entries that are no numbers are noted.

    Raises:
        UnsoundError: no whole msgpack object, no dictionary, equal keys, or an array that its own header denies.
    """
    import msgpack  # type: ignore[import-untyped]

    try:
        tree = msgpack.unpackb(
            path.read_bytes(), object_pairs_hook=_node, ext_hook=_extension, raw=False, strict_map_key=False
        )
    except (ValueError, TypeError, RecursionError) as error:
        raise UnsoundError(f"no whole msgpack file ({str(error) or type(error).__name__})") from error
    arrays, metadata = flatten(tree)
    return Checkpoint("port", "msgpack", arrays, metadata)


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Nested dictionaries, big arrays in Flax's chunks; the format has no place for metadata.

    Raises:
        UnsoundError: names that cannot be nested, or that Flax keeps for its chunks.
    """
    from compare.frameworks.flax_bytes import to_bytes

    if any(CHUNKED in name.split("/") for name in checkpoint.arrays):
        raise UnsoundError(f"no array can be named {CHUNKED} in a msgpack file")
    packed = to_bytes(nest(checkpoint.arrays))
    with whole_file(path) as file:
        file.write(packed)


def _node(pairs: list[tuple[object, object]]) -> object:
    keys = [key for key, _ in pairs]
    if not all(isinstance(key, str | int) for key in keys):
        raise UnsoundError("it has a key that is neither text nor a whole number")
    if len(set(map(str, keys))) != len(keys):
        twice = next(key for place, key in enumerate(keys) if key in keys[:place] or str(key) in map(str, keys[:place]))
        raise UnsoundError(f"two entries of one dictionary have the key {twice!r}")
    node = dict(pairs)
    return _whole(node) if CHUNKED in node else node


def _whole(node: Mapping[object, object]) -> np.ndarray:
    """An array that Flax cut into flat pieces, since msgpack holds at most 4 GiB in one."""
    shape, chunks = _listed(node.get("shape")), _listed(node.get("chunks"))
    lengths = [length for length in shape or () if type(length) is int and length >= 0]
    arrays = [chunk for chunk in chunks or () if isinstance(chunk, np.ndarray)]
    if set(node) != {CHUNKED, "shape", "chunks"} or shape is None or not chunks or len(lengths) != len(shape):
        raise UnsoundError("a chunked array is not made of exactly its shape and its chunks")
    if len(arrays) != len(chunks) or any(array.dtype != arrays[0].dtype for array in arrays):
        raise UnsoundError("the chunks of an array are no arrays of one dtype")
    if sum(array.size for array in arrays) != math.prod(lengths):
        raise UnsoundError(f"the chunks of an array do not fill its shape {tuple(lengths)}")
    return np.concatenate([array.reshape(-1) for array in arrays]).reshape(lengths)


def _listed(node: object) -> list[object] | None:
    if not isinstance(node, dict) or set(node) != {str(place) for place in range(len(node))}:
        return None
    return [node[str(place)] for place in range(len(node))]


def _extension(code: int, data: bytes) -> complex | np.ndarray:
    import msgpack

    if code == COMPLEX:
        parts = msgpack.unpackb(data)
        if not isinstance(parts, list) or len(parts) != 2 or not all(isinstance(part, float) for part in parts):
            raise UnsoundError("a complex number in it is not made of two numbers")
        return complex(*parts)
    if code not in (ARRAY, SCALAR):
        raise UnsoundError(f"an entry has the msgpack extension {code}, which Flax does not write")
    header = msgpack.unpackb(data, raw=True)
    if not isinstance(header, list) or len(header) != 3 or not isinstance(header[2], bytes):
        raise UnsoundError("an array in it is not made of shape, dtype and bytes")
    shape, name, body = header
    kind = name.decode("ascii", "replace") if isinstance(name, bytes) else repr(name)
    if kind not in DTYPES:
        raise UnsoundError(f"an array in it has dtype {kind:.40}, which no weight has")
    if not isinstance(shape, list):
        raise UnsoundError("an array in it has no shape of whole numbers")
    check_shape("an array", shape, DTYPES[kind])
    if math.prod(shape) * DTYPES[kind].itemsize != len(body):
        raise UnsoundError(
            f"an array in it has {len(body)} bytes, its dtype {kind} and shape {shape} need another number"
        )
    # A copy, once: the bytes lie anywhere in the file, and arrays should be aligned.
    return np.frombuffer(body, DTYPES[kind]).reshape(shape).copy()
