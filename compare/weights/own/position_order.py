"""How the positions of one axis are permuted, in a person's words: from two sequences of the same labels.

A label stands for what lies at a position (an entry, a row); equal ones cannot be told apart, as after a rounding. So
an order is not read off where each label went: orders of a known form are tried on the sequence, and the first that
makes the one from the other is the answer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np

BLOCKS = 64  # more blocks than that in an order of their own are no order that anybody meant
FEW = 4  # gates, or parts that are packed: so many blocks are said before anything else is
LISTED = 8  # positions whose order is said one by one where it has no form
FACTORED = 1 << 13  # positions of an axis that is taken for three factors; a longer one for two
Sizes = tuple[int, ...]


@dataclass(frozen=True)
class PositionOrder:
    """The order of an axis.

    Attributes:
        text: in words, as what is done to the positions.
        positions: ``given[i]`` is ``expected[positions[i]]``.
        expected, given: the axis's factors, slowest first, and the same as they lie there; empty where the order is
            none of factors.
        blocks: the order of its blocks, where it is one of blocks of one length.
    """

    text: str
    positions: np.ndarray
    expected: Sizes = ()
    given: Sizes = ()
    blocks: Sizes = ()


def position_order(expected: np.ndarray, given: np.ndarray) -> PositionOrder | None:
    """What order of ``expected`` is ``given``, both integers (n,); None where they do not hold the same labels."""
    size = len(expected)
    if size != len(given) or not np.array_equal(np.sort(expected), np.sort(given)):
        return None
    at = np.arange(size)
    first = int(given[0]) if size else 0
    for order in _orders(expected, given, at):
        if int(expected[order.positions[0]]) == first and np.array_equal(expected[order.positions], given):
            return order
    # Equal labels keep their order among themselves.
    positions = np.empty(size, np.int64)
    positions[np.argsort(given, kind="stable")] = np.argsort(expected, kind="stable")
    return PositionOrder(f"in the order {said(positions)}" if size <= LISTED else "in another order", positions)


def _orders(expected: np.ndarray, given: np.ndarray, at: np.ndarray) -> Iterator[PositionOrder]:
    """The forms, the simplest first."""
    size = len(at)
    yield PositionOrder("", at)
    yield PositionOrder("from back to front", at[::-1])
    for count in _divisors(size):
        if count <= FEW and count < size and (order := _of_blocks(expected, given, at, 1, count)):
            yield order
    yield from _shifts(expected, given, at)
    for slow in _divisors(size):
        yield _of_factors(at, (slow, size // slow), (1, 0))
    for slow in _divisors(size) if size <= FACTORED else ():
        for middle in _divisors(size // slow):
            for axes in permutations(range(3)):
                if axes not in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):  # those are orders of two factors
                    yield _of_factors(at, (slow, middle, size // slow // middle), axes)
    nested = {(count, outer) for outer in (1, *_divisors(size)) for count in _divisors(size // outer)}
    for count, outer in sorted(nested):
        if count <= BLOCKS and (order := _of_blocks(expected, given, at, outer, count)):
            yield order


def _divisors(size: int) -> list[int]:
    """All but 1 and the number itself, and the number where it has no others."""
    return [one for one in range(2, size // 2 + 1) if size % one == 0] or ([size] if size > 1 else [])


def _of_factors(at: np.ndarray, sizes: Sizes, axes: tuple[int, ...]) -> PositionOrder:
    given = tuple(sizes[axis] for axis in axes)
    text = f"in the order {said(given)} for {said(sizes)}"
    if len(set(sizes)) < len(sizes):  # sizes alone would not tell which is which
        letters = "abc"[: len(sizes)]
        moved, before = (", ".join(one) for one in ([letters[axis] for axis in axes], letters))
        text = f"in the order ({moved}) for ({before}) of the sizes {said(sizes)}"
    return PositionOrder(text, at.reshape(sizes).transpose(axes).reshape(-1), sizes, given)


def _of_blocks(expected: np.ndarray, given: np.ndarray, at: np.ndarray, outer: int, count: int) -> PositionOrder | None:
    """Blocks in an order of their own, the same in each of ``outer`` groups of them."""
    mine, theirs = (one.reshape(outer, count, -1)[0] for one in (expected, given))
    places: dict[bytes, list[int]] = {}
    for place, block in enumerate(mine):
        places.setdefault(block.tobytes(), []).append(place)
    order = []
    for block in theirs:
        if not (waiting := places.get(block.tobytes())):
            return None
        order.append(waiting.pop(0))
    if order == sorted(order):
        return None
    length = len(at) // outer // count
    what = f"{count} blocks of {length}" if outer == 1 else f"in each of {outer} parts, {count} blocks of {length}"
    positions = at.reshape(outer, count, length)[:, order].reshape(-1)
    return PositionOrder(f"{what} in the order {said(order)}", positions, blocks=tuple(order) if outer == 1 else ())


def _shifts(expected: np.ndarray, given: np.ndarray, at: np.ndarray) -> Iterator[PositionOrder]:
    for start in np.flatnonzero(expected == given[0])[:BLOCKS] if len(at) else ():
        by = int(start) if start <= len(at) // 2 else int(start) - len(at)
        yield PositionOrder(
            f"shifted by {abs(by)} {'up' if by > 0 else 'down'}, round the end", np.roll(at, -int(start))
        )


def said(sizes: Iterable[int]) -> str:
    return "(" + ", ".join(str(size) for size in sizes) + ")"
