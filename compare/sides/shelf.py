"""What keeps a large model's verdict small: runs put aside on disk, and room made before the next one's weights."""

import contextlib
import ctypes
import gc
from collections.abc import Iterator, Mapping

import numpy as np

from compare.arrays.arrays import Arrays
from compare.arrays.aside import Aside, is_aside, touched

LARGE = 1 << 27  # bytes from which a run is put aside, and weights are made room for


class Shelf(Mapping[str, np.ndarray]):
    """Read-only arrays by name, on the disk, small ones too: of a long run they are many. What they took there is given
    back with the shelf, but for what somebody still holds."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._aside, self._arrays = Aside(small=0), dict[str, np.ndarray]()
        self.add(arrays)

    def add(self, arrays: Mapping[str, np.ndarray]) -> None:
        """More of them."""
        for name, array in arrays.items():
            self._arrays[name] = held = self._aside.put(array)
            held.setflags(write=False)

    def __getitem__(self, name: str) -> np.ndarray:
        touched(self._arrays[name].nbytes)
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


class Growing:
    """Arrays by name as a run makes them: held until they are large together, from then on a shelf.

    Attributes:
        arrays: all of them so far.
    """

    def __init__(self) -> None:
        self.arrays: Arrays | Shelf = {}
        self._bytes = 0

    def add(self, arrays: Mapping[str, np.ndarray]) -> None:
        """More of them."""
        if isinstance(self.arrays, Shelf):
            self.arrays.add(arrays)
            return
        self._bytes += _in_memory(arrays)
        self.arrays |= arrays
        if self._bytes >= LARGE:
            self.arrays = Shelf(self.arrays)


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


def put_aside(arrays: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """``arrays`` on a shelf where they are large and on none yet, else as they are."""
    return Shelf(arrays) if not isinstance(arrays, Shelf) and _in_memory(arrays) >= LARGE else arrays


def _in_memory(arrays: Mapping[str, np.ndarray]) -> int:
    """Bytes of those that do not lie on disk already."""
    return sum(array.nbytes for array in arrays.values() if not is_aside(array))


def is_large(arrays: Mapping[str, np.ndarray]) -> bool:
    """Whether they are large together."""
    return sum(array.nbytes for array in arrays.values()) >= LARGE
