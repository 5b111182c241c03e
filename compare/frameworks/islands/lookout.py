"""Values that a float64 run makes and that stand nearest to sought tables: what one side has in place of the other's.

A table need not be made in one piece. One side stacks cosines and sines where the other holds two arrays, keeps a
thousand rows of which the other makes six, or has both halves of a row where the other repeats one.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from compare.frameworks.islands.constants import widen
from compare.verdict.thresholds import NEAR


class Window(NamedTuple):
    """A part of an array: all of it, or a stretch of one axis, or (without ``stop``) one index of it."""

    axis: int = 0
    start: int | None = None
    stop: int | None = None

    @property
    def place(self) -> tuple[slice | int, ...]:
        """What the array is indexed with."""
        if self.start is None:
            return ()
        own = self.start if self.stop is None else slice(self.start, self.stop)
        return (*(slice(None),) * self.axis, own)


@dataclass(frozen=True)
class Piece:
    """A value of a run that stands in some windows of a sought table.

    Attributes:
        order: which of the run's values it is, counted from 0.
        windows: where it stands in the table without axes of length 1.
        values: in float64 or complex128, without axes of length 1.
    """

    order: int
    windows: tuple[Window, ...]
    values: np.ndarray = field(repr=False)


class Lookout:
    """Is shown every value of a run, and keeps those nearest to the ``sought`` arrays.

    Attributes:
        kept: of the values whose number is in ``wanted``, the values: a run of the same program counts alike.
    """

    def __init__(self, sought: Sequence[np.ndarray] = (), wanted: Collection[int] = ()) -> None:
        self.kept: dict[int, np.ndarray] = {}
        self._sought = [np.squeeze(widen(array)) for array in sought]
        self._wanted, self._count = wanted, 0
        self._nearest: list[dict[Window, tuple[float, Piece]]] = [{} for _ in sought]

    def see(self, shape: Sequence[int], values: Callable[[], np.ndarray]) -> None:
        """One value of the run; ``values`` is called where its shape can be that of a piece."""
        order, self._count = self._count, self._count + 1
        if order in self._wanted:
            self.kept[order] = np.squeeze(widen(values()))
        own = tuple(length for length in shape if length != 1)
        array: np.ndarray | None = None
        for table, nearest in zip(self._sought, self._nearest, strict=True):
            if windows := list(windows_of(table.shape, own)):
                array = np.squeeze(widen(values())) if array is None else array
                _keep_nearest(table, array, order, windows, nearest)

    def pieces(self, place: int) -> list[Piece]:
        """What stands nearest to one sought array, the largest first; none over another, none that is equal."""
        table, found = self._sought[place], list[Piece]()
        covered = np.zeros(table.shape, bool)
        ranked = sorted(self._nearest[place].values(), key=lambda pair: (-pair[1].values.size, pair[0], pair[1].order))
        for _, piece in ranked:
            free = tuple(window for window in piece.windows if not covered[window.place].any())
            for window in free:
                covered[window.place] = True
            differing = tuple(window for window in free if not np.array_equal(table[window.place], piece.values))
            if differing:
                found.append(Piece(piece.order, differing, piece.values))
        return found


def windows_of(table: tuple[int, ...], piece: tuple[int, ...]) -> Iterator[Window]:
    """Where an array of the shape ``piece`` can stand in one of the shape ``table``: all of it, one index of an axis,
    or a stretch of an axis that begins at a multiple of its own length. No axis is of length 1."""
    if not piece:
        return
    if piece == table:
        yield Window()
    elif len(piece) == len(table):
        shorter = [axis for axis in range(len(table)) if piece[axis] != table[axis]]
        axis, length = shorter[0], piece[shorter[0]]
        if len(shorter) == 1 and length < table[axis]:
            for start in range(0, table[axis] - length + 1, length):
                yield Window(axis, start, start + length)
    elif len(piece) == len(table) - 1:
        for axis in range(len(table)):
            if table[:axis] + table[axis + 1 :] == piece:
                for index in range(table[axis]):
                    yield Window(axis, index)


def _keep_nearest(
    table: np.ndarray, array: np.ndarray, order: int, windows: list[Window], nearest: dict[Window, tuple[float, Piece]]
) -> None:
    apart = {window: _distance(table[window.place], array) for window in windows}
    least = min(apart.values())
    if not least <= NEAR:
        return
    same = tuple(window for window in windows if apart[window] == least)
    first = same[0]
    # Of values that are about as near the first is it: a rounded table cannot tell them apart.
    if first not in nearest or least < nearest[first][0] / 2:
        nearest[first] = least, Piece(order, same, array)


def _distance(table: np.ndarray, array: np.ndarray) -> float:
    """The largest difference, relative to the largest entry; infinite where other entries are not finite, or one is
    complex and the other not."""
    finite = np.isfinite(table)
    if np.iscomplexobj(table) != np.iscomplexobj(array):
        return float("inf")
    if not np.array_equal(table[~finite], array[~finite], equal_nan=True) or not np.isfinite(array[finite]).all():
        return float("inf")
    largest = float(np.max(np.abs(table[finite]), initial=0.0))
    apart = float(np.max(np.abs(table[finite] - array[finite]), initial=0.0))
    return apart / largest if largest else float("inf")
