"""Arrays put aside on disk, in the process's one growing file: each takes no memory of the process's own once its pages
are let go, and is gone with the last that holds it, or with the process whatever ends it.

Mapped pages count as resident while they are there. Nothing is lost when they are let go: they come back from the file.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import DTypeLike

from compare.arrays.growing_file import Extent, files, open_file

SMALL = 1 << 16  # bytes up to which an array stays in memory
ROOM = 1 << 27  # bytes of what one run keeps for later that stay in memory
TOUCHED = 1 << 26  # bytes of mapped arrays that are read or written before pages are let go

_since = [0]  # bytes touched since pages were let go


class Aside:
    """Where a verdict puts aside what it does not need at the moment, and how much that is.

    Attributes:
        small: bytes up to which an array stays in memory; room: of what one run keeps for later, how many do.
        bytes_most: on disk at most.
        at: is told what piece of which run is computed, of how many.
        cuts: in how many pieces the port's program runs, at most; programs: how many of them were compiled, forward and
            backward, at all precisions.
    """

    def __init__(self, small: int = SMALL, room: int = ROOM) -> None:
        self.small, self.room = small, room
        self.bytes_most = self._bytes = 0
        self.cuts = self.programs = 0
        self.at: Callable[[str], None] = lambda piece: None

    @property
    def bytes_now(self) -> int:
        """On disk, of what somebody holds."""
        for file in files():
            file.settle()
        return self._bytes

    def empty(self, shape: Sequence[int], dtype: DTypeLike) -> np.ndarray:
        """An array to be written into, on disk; in memory where it is small.

        Raises:
            UsageError: there is no room for it.
        """
        own = np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64)) * own.itemsize
        if size <= self.small:
            return np.empty(shape, own)
        extent = open_file().take(size, self._count)
        return np.asarray(extent).view(own).reshape(shape)

    def put(self, array: np.ndarray) -> np.ndarray:
        """A copy of ``array`` put aside."""
        aside = self.empty(array.shape, array.dtype)
        np.copyto(aside, array)
        touched(array.nbytes)
        return aside

    def begun(self) -> "Aside":
        """The same, of another verdict from now on."""
        self.cuts = self.programs = 0
        self.bytes_most = self.bytes_now
        return self

    def note_cuts(self, cuts: int) -> None:
        """A port runs in so many pieces."""
        self.cuts = max(self.cuts, cuts)

    def note_program(self) -> None:
        """A piece was compiled."""
        self.programs += 1

    def _count(self, size: int) -> None:
        self._bytes += size
        self.bytes_most = max(self.bytes_most, self._bytes)


def is_aside(array: np.ndarray) -> bool:
    """Whether an array, as it was put aside, lies on disk."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, Extent)


def touched(size: int) -> None:
    """So many bytes of mapped arrays were read or written: from time to time their pages are let go."""
    _since[0] += size
    if _since[0] >= TOUCHED:
        let_pages_go()


def let_pages_go() -> None:
    """Give the pages of all that is put aside back; what is read of it comes from the file again."""
    _since[0] = 0
    for file in files():
        file.let_pages_go()
