"""How one array is the other with its places changed: axes exchanged, and the positions of an axis in another order.

Which position went where is found without trying orders: a slice of an axis holds the same values whatever was done to
the other axes, so that slices are known by their sorted values. What is found is then verified on all entries.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, permutations
from math import prod

import numpy as np

from compare.weights.own.position_order import PositionOrder, position_order, said
from compare.weights.own.value_relation import same_values

FEW = 16  # slices that are looked at before all of them are
AXES = 6  # of an array whose axes are tried in every order


@dataclass(frozen=True)
class Rearrangement:
    """``given`` is ``expected.transpose(axes)`` with each axis's positions in an order of its own.

    Attributes:
        axes: as ``np.transpose`` takes them.
        orders: of each axis of ``given``; an empty ``text`` where it is as it was.
        reshaped: of which shape ``expected`` was taken in memory order, where its own axes do not show the order.
        merged: the first and the last of several axes that have one order together, as heads and their widths may.
    """

    axes: tuple[int, ...]
    orders: tuple[PositionOrder, ...] = ()
    reshaped: tuple[int, ...] = ()
    merged: tuple[int, int] | None = None

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
    if (found := simple_rearrangement(expected, given) or _by_slices(expected, given)) is not None:
        return found
    for axes in _axis_orders(expected.ndim):
        if same_values(expected.transpose(axes).reshape(given.shape), given):
            return Rearrangement(axes, reshaped=expected.shape)
    return _of_merged(expected, given)


def _of_merged(expected: np.ndarray, given: np.ndarray) -> Rearrangement | None:
    """Neighbouring axes taken as one, whose positions have an order together."""
    if expected.shape != given.shape:
        return None
    shape = expected.shape
    for first, last in combinations(range(expected.ndim), 2):
        if last - first + 1 == expected.ndim:
            continue  # all of them as one: an order of entries
        one = (*shape[:first], prod(shape[first : last + 1]), *shape[last + 1 :])
        found = _by_slices(expected.reshape(one), given.reshape(one))
        if found is not None and not found.exchanges_axes:
            return replace(found, merged=(first, last))
    return None


def simple_rearrangement(expected: np.ndarray, given: np.ndarray) -> Rearrangement | None:
    """The same where axes alone are exchanged, or one axis alone is in another order: nothing is sorted."""
    for axes in _axis_orders(expected.ndim):
        if tuple(expected.shape[axis] for axis in axes) == given.shape and same_values(expected.transpose(axes), given):
            return Rearrangement(axes)
    if expected.shape != given.shape:
        return None
    plain = PositionOrder("", np.arange(0))
    for axis in range(expected.ndim):
        if not has_slices_of(expected, given, axis):
            continue
        if (order := _order_of(*(_labels(side, axis, sort=False) for side in (expected, given)))) is not None:
            orders = tuple(order if at == axis else plain for at in range(expected.ndim))
            return Rearrangement(tuple(range(expected.ndim)), orders)
    return None


def has_slices_of(expected: np.ndarray, given: np.ndarray, axis: int) -> bool:
    """Whether most of a few slices of an axis of ``given`` begin as one of ``expected`` does, arrays of one shape."""
    if not expected.size:
        return False
    first = tuple(slice(None) if at == axis else 0 for at in range(expected.ndim))
    begins = [side[first] for side in (expected, given)]
    few = begins[1][:: max(1, len(begins[1]) // FEW)]
    return bool(2 * np.count_nonzero(np.isin(few, begins[0])) >= len(few))


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
            parts.append(f"{_place_words(axis, found, shape)}{colon} {order.text}")
    return "; ".join(parts)


def _place_words(axis: int, found: Rearrangement, shape: tuple[int, ...]) -> str:
    if found.merged is None or axis < found.merged[0]:
        return axis_words(axis, shape)
    first, last = found.merged
    return f"axes {first} to {last} as one" if axis == first else axis_words(axis + last - first, shape)


def _axis_orders(count: int) -> Iterator[tuple[int, ...]]:
    """The fewest moved axes first; of very many axes none but their own order."""
    if count > AXES:
        yield tuple(range(count))
        return
    yield from sorted(permutations(range(count)), key=lambda axes: (sum(a != at for at, a in enumerate(axes)), axes))


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
        last = len(found) == expected.ndim - 1
        if last or len(set(own)) < len(own):
            own, others = (_labels(side, axis, sort=not last) for side in (moved, given))
        order = _order_of(own, others)
        if order is None:
            return None
        found[axis] = order
        moved = np.take(moved, order.positions, axis)
    return tuple(found[axis] for axis in range(expected.ndim)) if same_values(moved, given) else None


def _order_of(expected: list[bytes], given: list[bytes]) -> PositionOrder | None:
    """What order of the one labels are the other."""
    numbers: dict[bytes, int] = {}
    return position_order(
        *(np.array([numbers.setdefault(label, len(numbers)) for label in side]) for side in (expected, given))
    )


def in_place_of(values: np.ndarray, ranked: np.ndarray) -> np.ndarray:
    """Each of ``values`` replaced by the one of ``ranked`` that has its rank: what became of it, to the bit."""
    made = np.empty(values.size)
    made[np.argsort(values, axis=None, kind="stable")] = ranked
    return made.reshape(values.shape)


def _labels(array: np.ndarray, axis: int, sort: bool = True) -> list[bytes]:
    """Of each position of an axis what its slice holds, in whatever order unless ``sort`` is off."""
    slices = np.moveaxis(array, axis, 0).reshape(array.shape[axis], -1) + 0.0  # -0 is 0
    if sort:
        slices = np.sort(slices, axis=1)
    return [row.tobytes() for row in np.ascontiguousarray(slices)]
