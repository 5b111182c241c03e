"""The arrays of an Orbax folder, read with tensorstore, and what Orbax's list of leaves says of where they lie."""

import errno
import math
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from compare.checkpoints.checkpoint import UnsoundError
from compare.checkpoints.declared import check_unpacked, size_on_disk
from compare.errors import swallowed

if TYPE_CHECKING:
    import tensorstore as ts


class Entry(TypedDict):
    """One leaf in Orbax's list: the keys that lead to it, and what it is."""

    key_metadata: list[dict[str, str]]
    value_metadata: dict[str, str]


class Note(TypedDict):
    """What is added to Orbax's list: every name in order, the dtype and shape of empty arrays, and the metadata."""

    names: list[str]
    empty: dict[str, tuple[str, list[int]]]
    metadata: dict[str, str]


class Listing(TypedDict, total=False):
    """The file ``_METADATA``, as far as it is read here; what is missing or of another kind is damage."""

    tree_metadata: dict[str, Entry]
    custom_metadata: dict[str, Note] | None
    use_zarr3: bool
    use_ocdbt: bool
    store_array_data_equal_to_fill_value: bool


def restored(folder: Path, names: list[str], listed: "Listing") -> dict[str, np.ndarray]:
    import tensorstore as ts

    # One store for all, so that its index is read once; asked for together, so that the disk is never idle.
    context = ts.Context({"cache_pool": {"total_bytes_limit": 100_000_000}})
    specs = {name: _spec(folder, name.replace("/", "."), listed) for name in names}
    name = ""
    try:
        opened = {name: ts.open(spec, context=context, open=True, read=True) for name, spec in specs.items()}
        stores = {}
        for name, opening in opened.items():
            stores[name] = opening.result()
        check_unpacked(sum(_declared(store) for store in stores.values()), size_on_disk(folder))
        begun = {name: store.read() for name, store in stores.items()}
        arrays = {}
        for name, array in begun.items():
            arrays[name] = np.asarray(array.result())
    except (MemoryError, UnsoundError):
        raise
    except Exception as error:
        swallowed(error)
        reason = str(error).split(":")[0].split("\n")[0]
        if "PERMISSION_DENIED" in str(error):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from error
        raise UnsoundError(f"incomplete or damaged: the array {name!r} cannot be read ({reason:.60})") from error
    return arrays


def _declared(store: "ts.TensorStore") -> int:
    """The bytes of an array, or of one of its pieces, which is unpacked as a whole, where that is larger."""
    entries = max(math.prod(store.shape), math.prod(filter(None, store.chunk_layout.read_chunk.shape or ())))
    return entries * int(store.dtype.numpy_dtype.itemsize)


def unlisted(folder: Path, names: Iterable[str]) -> list[str]:
    """The arrays in the folder's database that the list of leaves does not name: the list was cut, or is another's."""
    import tensorstore as ts

    base = {"driver": "file", "path": f"{folder.absolute()}/"}
    keys = ts.KvStore.open({"driver": "ocdbt", "base": base}).result().list().result()
    stored = {key.decode().rpartition("/")[0] for key in keys if key.endswith((b"/.zarray", b"/zarr.json"))}
    return sorted(stored - {name.replace("/", ".") for name in names})


def _spec(folder: Path, dotted: str, listed: "Listing") -> dict[str, object]:
    """Where tensorstore finds the leaf: in the folder's database, or in a folder of its own."""
    if dotted in (".", ".."):
        raise UnsoundError(f"the name {dotted!r} is a folder's, not an array's")
    root = str(folder.absolute())
    database = {"driver": "ocdbt", "base": {"driver": "file", "path": f"{root}/"}, "path": f"{dotted}/"}
    alone = {"driver": "file", "path": f"{root}/{dotted}/"}
    return {
        "driver": "zarr3" if listed.get("use_zarr3") else "zarr",
        "kvstore": database if listed.get("use_ocdbt", True) else alone,
        # A missing piece is an error, unless pieces of zeros were left out in writing, as older versions did.
        "fill_missing_data_reads": not listed.get("store_array_data_equal_to_fill_value", False),
    }
