"""How one array is the other with its places changed: axes exchanged, and the positions of an axis in another order.

Which position went where is found without trying orders: a slice of an axis holds the same values whatever was done to
the other axes, so that slices are known by their sorted values. What is found is then verified on all entries.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from compare.weights.own.position_order import PositionOrder, position_order, said

AXES = 6  # of an array whose axes are tried in every order


@dataclass(frozen=True)
class Rearrangement:
    """``given`` is ``expected.transpose(axes)`` with each axis's positions in an order of its own.

    Attributes:
        axes: as ``np.transpose`` takes them.
        orders: of each axis of ``given``; an empty ``text`` where it is as it was.
        reshaped: of which shape ``expected`` was taken in memory order, where its own axes do not show the order.
    """

    axes: tuple[int, ...]
    orders: tuple[PositionOrder, ...] = ()
    reshaped: tuple[int, ...] = ()

    @property
    def exchanges_axes(self) -> bool:
        return self.axes != tuple(range(len(self.axes)))

    @property
    def permutes(self) -> bool:
        return any(order.text for order in self.orders)

    @property
    def disordered(self) -> int:
        """How much there is to say of it: the fewer the better an explanation."""
        moved = sum(axis != place for place, axis in enumerate(self.axes))
        wild = sum(order.text == "in another order" for order in self.orders)
        return moved + sum(bool(order.text) for order in self.orders) + 10 * wild


def rearrangement(expected: np.ndarray, given: np.ndarray) -> Rearrangement | None:
    """How the values of ``expected`` lie in ``given``, both float64 with the same values; None where nobody can say.

    Args:
        expected: of any shape; given: of as many entries.
    """
    for axes in _axis_orders(expected.ndim):
        if tuple(expected.shape[axis] for axis in axes) == given.shape and _same(expected.transpose(axes), given):
            return Rearrangement(axes)
    if (found := _by_slices(expected, given)) is not None:
        return found
    for axes in _axis_orders(expected.ndim):
        if _same(expected.transpose(axes).reshape(given.shape), given):
            return Rearrangement(axes, reshaped=expected.shape)
    return None


def axis_words(axis: int, shape: tuple[int, ...]) -> str:
    """What an axis is called: rows and columns of a matrix, the entries of a vector."""
    names = {1: ("entries",), 2: ("rows", "columns")}.get(len(shape), ())
    return names[axis] if names else f"axis {axis}"


def in_words(found: Rearrangement, shape: tuple[int, ...]) -> str:
    """What was done to an array that is now of ``shape``, in words."""
    parts = []
    if found.reshaped:
        before = f"transposed {said(found.axes)} and " if found.exchanges_axes else ""
        parts.append(f"{before}reshaped where its axes have to be moved")
    elif found.exchanges_axes:
        parts.append("transposed" if len(found.axes) == 2 else f"its axes in the order {said(found.axes)}")
    for axis, order in enumerate(found.orders):
        if order.text:
            colon = ":" if order.text[0].isdigit() else ""
            parts.append(f"{axis_words(axis, shape)}{colon} {order.text}")
    return "; ".join(parts)


def _axis_orders(count: int) -> Iterator[tuple[int, ...]]:
    """The fewest moved axes first; of very many axes none but their own order."""
    if count > AXES:
        yield tuple(range(count))
        return
    yield from sorted(permutations(range(count)), key=lambda axes: (sum(a != at for at, a in enumerate(axes)), axes))


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two float64 arrays of one shape are equal: a few entries first."""
    step = max(1, one.size // 64)
    few = (np.unravel_index(np.arange(0, one.size, step), one.shape),) if one.ndim else ()
    if few and not np.array_equal(one[few[0]], other[few[0]], equal_nan=True):
        return False
    return bool(np.array_equal(one, other, equal_nan=True))


def _by_slices(expected: np.ndarray, given: np.ndarray) -> Rearrangement | None:
    """The least disordered way in which slices of one array are slices of the other, axis by axis."""
    mine = [_labels(expected, axis) for axis in range(expected.ndim)]
    theirs = [_labels(given, axis) for axis in range(given.ndim)]
    best: Rearrangement | None = None
    for axes in _axis_orders(expected.ndim):
        if tuple(expected.shape[axis] for axis in axes) != given.shape:
            continue
        turned = expected.transpose(axes)
        if (orders := _orders_of(turned, given, [mine[axis] for axis in axes], theirs)) is not None:
            found = Rearrangement(axes, orders)
            best = found if best is None or found.disordered < best.disordered else best
    return best


def _orders_of(
    expected: np.ndarray, given: np.ndarray, mine: list[list[bytes]], theirs: list[list[bytes]]
) -> tuple[PositionOrder, ...] | None:
    found: dict[int, PositionOrder] = {}
    moved = expected
    # The axes whose slices are all different first: with those put right, the slices of the others are told apart by
    # the order of their entries too.
    for axis in sorted(range(expected.ndim), key=lambda axis: len(mine[axis]) - len(set(mine[axis]))):
        own, others = mine[axis], theirs[axis]
        if len(found) == expected.ndim - 1 or len(set(own)) < len(own):
            own, others = (
                _labels(moved, axis, sort=len(found) < expected.ndim - 1),
                _labels(given, axis, sort=len(found) < expected.ndim - 1),
            )
        numbers: dict[bytes, int] = {}
        sequences = [np.array([numbers.setdefault(label, len(numbers)) for label in side]) for side in (own, others)]
        order = position_order(*sequences)
        if order is None:
            return None
        found[axis] = order
        moved = np.take(moved, order.positions, axis)
    return tuple(found[axis] for axis in range(expected.ndim)) if _same(moved, given) else None


def _labels(array: np.ndarray, axis: int, sort: bool = True) -> list[bytes]:
    """Of each position of an axis what its slice holds, in whatever order unless ``sort`` is off."""
    slices = np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1) + 0.0  # -0 is 0
    if sort:
        slices = np.sort(slices, axis=1)
    return [row.tobytes() for row in np.ascontiguousarray(slices)]
