"""Arrays put aside on disk, so that a large model's runs need not all be in memory at once."""

import contextlib
import ctypes
import gc
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from compare.weights import Arrays

LARGE = 1 << 27  # bytes from which a run is put aside


class Shelf(Mapping[str, np.ndarray]):
    """Read-only arrays by name, each read when it is asked for; the files go away with the shelf."""

    def __init__(self, arrays: Arrays) -> None:
        folder = Path(tempfile.mkdtemp(prefix="jaxport-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)  # at the process's end at the latest
        self._files = {name: folder / f"{i}.npy" for i, name in enumerate(arrays)}
        for name, file in self._files.items():
            np.save(file, arrays[name], allow_pickle=False)

    def __getitem__(self, name: str) -> np.ndarray:
        return np.load(self._files[name], allow_pickle=False)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def give_back() -> None:
    """Hand memory that was freed back to the system. glibc keeps it otherwise, and one side's memory would still be
    held while the other runs."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # another C library: nothing to hand back by hand
        ctypes.CDLL(None).malloc_trim(0)


def put_aside(arrays: Arrays) -> Mapping[str, np.ndarray]:
    """``arrays`` on a shelf where they are large, else as they are."""
    return Shelf(arrays) if sum(array.nbytes for array in arrays.values()) >= LARGE else arrays
