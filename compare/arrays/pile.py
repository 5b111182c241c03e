"""Arrays put aside on the disk, in one file that nobody else sees: for what is too large together to be held."""

import math
import os
import tempfile
import weakref
from typing import NamedTuple

import numpy as np

from compare.errors import UsageError

MAPPED = 1 << 16  # bytes from which an array is mapped when it is asked for; smaller ones are read, and need no handle


class Place(NamedTuple):
    """Where an array lies in a pile, and what it is."""

    offset: int
    dtype: np.dtype
    shape: tuple[int, ...]


class Pile:
    """A file without a name, to which arrays are added: however the process ends, the system takes it back."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="jaxport-")  # noqa: SIM115  # as long as the pile
        weakref.finalize(self, self._file.close)

    def put(self, array: np.ndarray) -> Place:
        """Add an array of any dtype, shape and layout; where it lies from now on.

        Raises:
            UsageError: the disk is full.
        """
        try:
            offset = self._file.seek(0, os.SEEK_END)
            self._file.write(np.asarray(array, order="C").reshape(-1).view(np.uint8).data)
            self._file.flush()
        except OSError as error:
            raise UsageError(
                f"{tempfile.gettempdir()}: cannot take {array.nbytes} bytes more ({error.strerror}): arrays of a large "
                f"run are put aside there: set TMPDIR to a folder with more room"
            ) from error
        return Place(offset, array.dtype, array.shape)

    def get(self, place: Place) -> np.ndarray:
        """The array at a place, read-only and C-contiguous; a large one takes no memory of the process's own."""
        size = math.prod(place.shape) * place.dtype.itemsize
        if size >= MAPPED:
            return np.memmap(self._file, place.dtype, "r", place.offset, place.shape)
        self._file.seek(place.offset)
        held = np.ndarray(place.shape, place.dtype, self._file.read(size) or None)
        held.setflags(write=False)
        return held
