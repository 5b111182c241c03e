"""What keeps a large model's verdict small: runs put aside on disk, and room made before the next one's weights."""

import contextlib
import ctypes
import gc
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from compare.arrays.arrays import Arrays

LARGE = 1 << 27  # bytes from which a run is put aside, and weights are made room for


class Shelf(Mapping[str, np.ndarray]):
    """Read-only arrays by name, each mapped from its file when it is asked for: no memory of the process's own is
    taken. The files go away with the shelf; what is still mapped then stays readable."""

    def __init__(self, arrays: Arrays) -> None:
        folder = Path(tempfile.mkdtemp(prefix="jaxport-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)  # at the process's end at the latest
        self._files = {name: folder / f"{i}.npy" for i, name in enumerate(arrays)}
        for name, file in self._files.items():
            np.save(file, arrays[name], allow_pickle=False)

    def __getitem__(self, name: str) -> np.ndarray:
        return np.load(self._files[name], mmap_mode="r", allow_pickle=False)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def make_room(coming: Mapping[str, np.ndarray]) -> None:
    """Before large weights come: memory that was freed goes back to the system. glibc keeps it otherwise, and what one
    side used, or the compiler, would still be held while the other runs."""
    if is_large(coming):
        trim()


def trim() -> None:
    """Memory that was freed goes back to the system."""
    with contextlib.suppress(OSError, AttributeError):  # another C library: nothing to hand back by hand
        ctypes.CDLL(None).malloc_trim(0)


def let_go(used: Mapping[str, np.ndarray]) -> None:
    """After a run on large weights: a model that holds itself in a cycle goes now, not when Python next looks."""
    if is_large(used):
        gc.collect()


def put_aside(arrays: Arrays) -> Mapping[str, np.ndarray]:
    """``arrays`` on a shelf where they are large, else as they are."""
    return Shelf(arrays) if is_large(arrays) else arrays


def is_large(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether they are large together."""
    return sum(array.nbytes for array in arrays.values()) >= LARGE
