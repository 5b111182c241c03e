"""One file of the process that nobody else sees, in which extents are taken and given back: where all that is put aside
lies, however many arrays that are, on a handful of descriptors.

It has no name, so that the system takes it back whatever ends the process. It grows by segments, each as large as all
before it and mapped once; of a segment only what is taken is on the disk: it is reserved when it is taken, in chunks (a
file with holes would end the process on the first write into one where the disk is full), and the disk has it back once
nothing is in it, ``GIVEN_BACK`` bytes at a time.
"""

import errno
import mmap
import os
import sys
import tempfile
import weakref
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

import numpy as np

from compare.errors import UsageError
from compare.verdict.bytes_in_words import size as in_words

PAGE = mmap.ALLOCATIONGRANULARITY
LINE = 64  # bytes at whose multiples small extents begin and end: where JAX takes an array without a copy
PAGES = 16  # from so many on an extent begins and ends at whole ones
CHUNK = 1 << 20  # bytes that are reserved together: file systems take long over thousands of single pages
FIRST = 1 << 28  # bytes of the first segment
GIVEN_BACK = 1 << 24  # bytes that were given back before the disk gets them
TOO_MANY = (errno.EMFILE, errno.ENFILE)  # descriptors, of this process or of all


class Segment:
    """A part of the file, mapped; its holes, where they begin, in order, and how long they are; and which of its chunks
    the disk holds."""

    def __init__(self, file: int, offset: int, size: int) -> None:
        self.offset, self.size = offset, size
        self.mapped = mmap.mmap(file, size, offset=offset)
        self.address = np.frombuffer(self.mapped, np.uint8).ctypes.data
        self.starts, self.holes = [0], {0: size}
        self._reserved = bytearray(-(-size // CHUNK))

    def take(self, size: int) -> int | None:
        """Where an extent begins from now on; None where there is no hole for it."""
        align = _align(size)
        size = _up(size, align)
        for at, start in enumerate(self.starts):
            begins = _up(start, align)
            rest = start + self.holes[start] - begins - size
            if rest >= 0:
                del self.starts[at], self.holes[start]
                self._hole(start, begins - start)
                self._hole(begins + size, rest)
                return begins
        return None

    def give_back(self, start: int, size: int) -> None:
        """An extent is a hole from now on, one with its neighbours."""
        size = _up(size, _align(size))
        at = bisect_left(self.starts, start)
        if at < len(self.starts) and self.starts[at] == start + size:
            size += self.holes.pop(self.starts.pop(at))
        if at and self.starts[at - 1] + self.holes[self.starts[at - 1]] == start:
            start, size = self.starts[at - 1], size + self.holes[self.starts.pop(at - 1)]
        self._hole(start, size)

    def _hole(self, start: int, size: int) -> None:
        if size:
            self.starts.insert(bisect_left(self.starts, start), start)
            self.holes[start] = size

    def let_pages_go(self) -> None:
        """Nothing of it is resident any more; what is read comes from the file again."""
        with suppress(AttributeError):  # a system without advice
            self.mapped.madvise(mmap.MADV_DONTNEED)

    def empty_holes(self) -> None:
        """The disk gets back the chunks that lie in holes, where the file system can do that: else they are filled
        again."""
        for start in self.starts:
            begins, ends = -(-start // CHUNK), (start + self.holes[start]) // CHUNK
            if self._reserved.find(1, begins, max(begins, ends)) >= 0:
                with suppress(AttributeError, OSError):
                    self.mapped.madvise(mmap.MADV_REMOVE, begins * CHUNK, (ends - begins) * CHUNK)
                    self._reserved[begins:ends] = bytes(ends - begins)

    def reserve(self, start: int, size: int, reserve: Callable[[int, int], None]) -> None:
        """Have ``reserve`` reserve what the disk does not hold yet of an extent: offset and length in the file."""
        first, end = start // CHUNK, -(-(start + size) // CHUNK)
        while (at := self._reserved.find(0, first, end)) >= 0:
            upto = self._reserved.find(1, at, end)
            upto = end if upto < 0 else upto
            reserve(self.offset + at * CHUNK, min(upto * CHUNK, self.size) - at * CHUNK)
            self._reserved[at:upto] = b"\1" * (upto - at)
            first = upto


def _align(size: int) -> int:
    return PAGE if size >= PAGES * PAGE else LINE


def _up(count: int, align: int) -> int:
    return -(-count // align) * align


class Extent:
    """So many bytes of the file, as long as somebody holds them: ``numpy.asarray`` makes an array of them that does."""

    __slots__ = ("_count", "_file", "_segment", "_size", "_start")

    def __init__(self, file: "GrowingFile", segment: Segment, start: int, size: int, count: Callable[[int], None]):
        self._file, self._segment, self._start, self._size, self._count = file, segment, start, size, count

    @property
    def __array_interface__(self) -> dict[str, Any]:
        address = self._segment.address + self._start
        return {"version": 3, "typestr": "|u1", "shape": (self._size,), "data": (address, False)}

    def __del__(self) -> None:
        # Whenever Python looks for what is gone, in the middle of anything: where the file is at work, it does it then.
        self._file.gone.append((self._segment, self._start, self._size, self._count))
        if not sys.is_finalizing():
            self._file.settle(wait=False)


class GrowingFile:
    """The file."""

    def __init__(self, first: int = FIRST) -> None:
        self.gone: deque[tuple[Segment, int, int, Callable[[int], None]]] = deque()
        self._first, self._lock, self._given_back, self._process = first, Lock(), 0, os.getpid()
        self._segments: list[Segment] = []
        with _told(0, self):
            self._file = tempfile.TemporaryFile(prefix="jaxport-")  # noqa: SIM115  # as long as there is the object
        weakref.finalize(self, self._file.close)

    @property
    def bytes_taken(self) -> int:
        """Bytes that are no hole."""
        return sum(one.size - sum(one.holes.values()) for one in self._segments)

    def take(self, size: int, count: Callable[[int], None]) -> Extent:
        """An extent of ``size`` bytes, at least one; ``count`` is told how many came, and of as many less when nobody
        holds it any more.

        Raises:
            UsageError: there is no room for it, or no descriptor.
        """
        self.settle()
        with self._lock, _told(size, self):
            try:
                segment, start = self._taken(size)
            except OSError:
                self._empty_holes()  # the disk may have room then
                segment, start = self._taken(size)
            count(size)
        return Extent(self, segment, start, size, count)

    def settle(self, wait: bool = True) -> None:
        """Take back what nobody holds any more; unless ``wait``, where nobody is at work on the file. A forked process
        gives nothing back: its parent may hold it."""
        if os.getpid() != self._process or not self._lock.acquire(blocking=wait):
            return
        try:
            while self.gone:
                segment, start, size, count = self.gone.popleft()
                segment.give_back(start, size)
                self._given_back += size
                count(-size)
            if self._given_back >= GIVEN_BACK:
                self._empty_holes()
        finally:
            self._lock.release()

    def let_pages_go(self) -> None:
        """Nothing of it is resident any more."""
        self.settle()
        for segment in self._segments:
            segment.let_pages_go()

    def _empty_holes(self) -> None:
        self._given_back = 0
        for segment in self._segments:
            segment.empty_holes()

    def _taken(self, size: int) -> tuple[Segment, int]:
        segment, start = self._found(size)
        try:
            segment.reserve(start, size, self._reserve)
        except OSError:
            segment.give_back(start, size)
            raise
        return segment, start

    def _found(self, size: int) -> tuple[Segment, int]:
        for segment in self._segments:
            if (start := segment.take(size)) is not None:
                return segment, start
        before = sum(one.size for one in self._segments)
        least = _up(size, PAGE)
        try:
            self._grow(before, max(least, before, self._first))
        except OSError:  # as a limit on addresses, or on the size of a file, leaves room for
            self._grow(before, least)
        start = self._segments[-1].take(size)
        assert start is not None
        return self._segments[-1], start

    def _grow(self, before: int, size: int) -> None:
        os.ftruncate(self._file.fileno(), before + size)
        self._segments.append(Segment(self._file.fileno(), before, size))

    def _reserve(self, offset: int, size: int) -> None:
        """Have the disk hold ``size`` bytes there.

        Raises:
            OSError: it cannot.
        """
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(self._file.fileno(), offset, size)
            return
        zeros = bytes(min(size, 1 << 20))
        self._file.seek(offset)
        for start in range(0, size, len(zeros)):
            self._file.write(zeros[: size - start])
        self._file.flush()


@contextmanager
def _told(size: int, file: GrowingFile) -> Iterator[None]:
    """What the system refuses within it is said in one line."""
    try:
        yield
    except OSError as error:
        if error.errno in TOO_MANY:
            raise UsageError(
                f"no file to put arrays aside in ({error.strerror}): close some of this process's, or raise the limit "
                "of ulimit -n"
            ) from error
        raise UsageError(
            f"no room to put {in_words(size)} aside in {tempfile.gettempdir()} ({error.strerror}): "
            f"{in_words(file.bytes_taken)} lie there: set TMPDIR to a folder on a larger disk"
        ) from error


_open: dict[int, GrowingFile] = {}  # by process: one that was forked takes no extents of its parent's file


def open_file() -> GrowingFile:
    """This process's file, which there is from the first call on."""
    own = os.getpid()
    if own not in _open:
        _open[own] = GrowingFile()
    return _open[own]


def files() -> Iterator[GrowingFile]:
    """It, where there is one."""
    if os.getpid() in _open:
        yield open_file()
