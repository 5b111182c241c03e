"""How an entry of one array is laid out as an entry of another: a *view*, written as steps that can be saved.

A weight map never computes: each of its lines shows the same numbers in two layouts, once through a view of the
reference's array and once through a view of the port's. Copying one view onto the other carries weights to the port;
copying it back carries gradients to the reference. So nothing needs an inverse, and both ways are bit-identical.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.arrays.arrays import parts
from compare.errors import UsageError

Step = tuple[str, Any]

LARGE, TILE = 1 << 16, 64

# What a step is told: numbers, and how many of them where that is fixed.
STEPS = {"reshape": None, "transpose": None, "index": 2, "slice": 3, "flip": None, "parts": 0}


@dataclass(frozen=True)
class View:
    """Steps that turn a C-contiguous array into a view of it; each is one of

    - ``("parts", ())``: of a complex array its real and imaginary parts, along a new last axis; only as the first step;
    - ``("reshape", shape)``: only as the first step or after ``parts``, where the array is contiguous and no copy is
      needed;
    - ``("transpose", axes)``: as ``np.transpose``;
    - ``("index", (axis, position))``: one position of an axis, which goes away;
    - ``("slice", (axis, start, stop))``: a range of an axis;
    - ``("flip", axes)``: those axes from back to front.

    Attributes:
        steps: in their order; none is the array as it is.

    Raises:
        UsageError: a step is none of these.
    """

    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        steps = self.steps if isinstance(self.steps, tuple | list) else (self.steps,)
        if strange := [step for step in steps if not isinstance(step, tuple | list) or len(step) != 2]:
            raise UsageError(f"view: expected steps, each (kind, numbers) as ('transpose', (1, 0)), got {strange[0]!r}")
        for place, (kind, how) in enumerate(steps):
            if not isinstance(kind, str) or kind not in STEPS:
                raise UsageError(f"view: unknown step {kind!r}: expected one of {', '.join(STEPS)}")
            numbers = isinstance(how, tuple | list) and all(isinstance(one, int | np.integer) for one in how)
            if not numbers or STEPS[kind] not in (None, len(how)):
                count = {0: "no", 2: "two", 3: "three", None: "some"}[STEPS[kind]]
                raise UsageError(f"view: {kind} takes a tuple of {count} integers, got {how!r}")
            if kind == "reshape" and [before for before, _ in steps[:place]] not in ([], ["parts"]):
                raise UsageError("view: reshape stands first or nowhere: after another step it could be a copy")
            if kind == "parts" and place:
                raise UsageError("view: parts stands first or nowhere: a complex array has them as it lies in memory")
        object.__setattr__(self, "steps", tuple((kind, tuple(how)) for kind, how in steps))

    def of(self, array: np.ndarray) -> np.ndarray:
        """The view of ``array``: writing to it writes to ``array``."""
        seen = array
        for kind, how in self.steps:
            seen = _STEP[kind](seen, how)
        return seen

    @property
    def of_parts(self) -> bool:
        """Whether it shows the real and imaginary parts of a complex array, and no complex numbers."""
        return bool(self.steps) and self.steps[0][0] == "parts"

    def then(self, kind: str, how: Any) -> "View":
        """This view with one more step: of a ``kind``, told ``how`` (its numbers, as above)."""
        return View((*self.steps, (kind, how)))

    @property
    def whole(self) -> bool:
        """Whether it shows every entry."""
        return all(kind not in ("index", "slice") for kind, _ in self.steps)

    def __str__(self) -> str:
        return ", ".join(f"{kind} {_said(how)}" if how else kind for kind, how in self.steps)

    def to_list(self) -> list[list[Any]]:
        """As JSON holds it."""
        return [[kind, list(how)] for kind, how in self.steps]

    @classmethod
    def from_list(cls, steps: Sequence[Sequence[Any]]) -> "View":
        """Read ``steps`` back, which ``View.to_list`` wrote."""
        return cls(tuple((str(kind), tuple(int(one) for one in how)) for kind, how in steps))


AS_IS = View()


def assign(target: np.ndarray, source: np.ndarray) -> None:
    """``target[...] = source``. A large transposed matrix goes tile by tile, so that both sides stay in cache."""
    if target.ndim != 2 or target.size < LARGE or _by_rows(target) == _by_rows(source):
        target[...] = source
        return
    for row in range(0, target.shape[0], TILE):
        for column in range(0, target.shape[1], TILE):
            tile = (slice(row, row + TILE), slice(column, column + TILE))
            target[tile] = source[tile]


def _by_rows(array: np.ndarray) -> bool:
    return array.strides[0] > array.strides[1]


def reshaped(*shape: int) -> View:
    return View((("reshape", shape),))


def transposed(*axes: int) -> View:
    return View((("transpose", axes),))


def _index(array: np.ndarray, how: tuple[int, int]) -> np.ndarray:
    axis, position = how
    # A 0-d result would be a copy, not a view, without the ellipsis.
    return array[(slice(None),) * axis + (position, ...)]


def _slice(array: np.ndarray, how: tuple[int, int, int]) -> np.ndarray:
    axis, start, stop = how
    return array[(slice(None),) * axis + (slice(start, stop),)]


def _parts(array: np.ndarray, how: tuple[()]) -> np.ndarray:
    if array.dtype.kind != "c":
        raise ValueError(f"an array of {array.dtype} has no imaginary part")
    return parts(array)


_STEP: dict[str, Callable[[np.ndarray, Any], np.ndarray]] = {
    "parts": _parts,
    "reshape": lambda array, shape: array.reshape(shape),
    "transpose": np.transpose,
    "index": _index,
    "slice": _slice,
    "flip": lambda array, axes: np.flip(array, axes),
}


def _said(how: Any) -> str:
    return "(" + ", ".join(str(one) for one in how) + ")"
