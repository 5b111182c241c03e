"""Arrays put aside on disk: each mapped from a file that has no name any more, so that it takes no memory of the
process's own once its pages are let go, and is gone with the process whatever ends it.

Mapped pages count as resident while they are there. Nothing is lost when they are let go: they come back from the file.
"""

import mmap
import os
import tempfile
import weakref
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from compare.errors import UsageError
from compare.verdict.bytes_in_words import size as in_words

SMALL = 1 << 16  # bytes up to which an array stays in memory
ROOM = 1 << 27  # bytes of what one run keeps for later that stay in memory
TOUCHED = 1 << 26  # bytes of mapped arrays that are read or written before pages are let go

_mapped: "weakref.WeakSet[mmap.mmap]" = weakref.WeakSet()
_since = [0]  # bytes touched since pages were let go


class Aside:
    """Where a verdict puts aside what it does not need at the moment, and how much that is.

    Attributes:
        small: bytes up to which an array stays in memory; room: of what one run keeps for later, how many do.
        bytes_now, bytes_most: on disk, now and at most.
        cuts: in how many pieces the port's program runs, at most; programs: how many of them were compiled, forward and
            backward, at all precisions.
    """

    def __init__(self, small: int = SMALL, room: int = ROOM) -> None:
        self.small, self.room = small, room
        self.bytes_now = self.bytes_most = 0
        self.cuts = self.programs = 0

    def empty(self, shape: Sequence[int], dtype: DTypeLike) -> np.ndarray:
        """An array to be written into, on disk; in memory where it is small.

        Raises:
            UsageError: there is no room for it.
        """
        own, count = np.dtype(dtype), int(np.prod(shape, dtype=np.int64))
        size = count * own.itemsize
        if size <= self.small or not size:
            return np.empty(shape, own)
        with tempfile.TemporaryFile(prefix="jaxport-") as file:
            try:
                # A file with holes would end the process where the disk is full, on the first write into one.
                os.posix_fallocate(file.fileno(), 0, size)
                held = mmap.mmap(file.fileno(), size)
            except OSError as error:
                raise UsageError(
                    f"no room to put {in_words(size)} aside in {tempfile.gettempdir()} ({error.strerror}): "
                    f"{in_words(self.bytes_now)} lie there: set TMPDIR to a folder on a larger disk"
                ) from error
        _mapped.add(held)
        self._count(size)
        weakref.finalize(held, self._count, -size)
        return np.frombuffer(held, own, count).reshape(shape)

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
        self.bytes_now += size
        self.bytes_most = max(self.bytes_most, self.bytes_now)


def is_aside(array: np.ndarray) -> bool:
    """Whether an array, as it was put aside, lies on disk."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, mmap.mmap) or (isinstance(base, memoryview) and isinstance(base.obj, mmap.mmap))


def touched(size: int) -> None:
    """So many bytes of mapped arrays were read or written: from time to time their pages are let go."""
    _since[0] += size
    if _since[0] >= TOUCHED:
        let_pages_go()


def let_pages_go() -> None:
    """Give the pages of all mapped arrays back; what is read of them comes from the files again."""
    _since[0] = 0
    for held in list(_mapped):
        if not held.closed:
            held.madvise(mmap.MADV_DONTNEED)
