"""Which axis of an array a line of the map takes apart, to put its factors together in another order.

A kernel that is transposed, gates that are packed, heads that have an axis of their own: what a framework stores in
another form leaves the order inside an axis as it is. Where the map had to change it, the two models flatten, or part
into heads, in different orders, and whoever loads weights has to do the same.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from compare.arrays.arrays import Shapes
from compare.arrays.views import View
from compare.weights.entry import Entry

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class FactorOrder:
    """An axis whose factors lie in another order on the other side.

    Attributes:
        entry: the line.
        axis, reference_axis: of the port's leaf and of the reference's array; the first of them where the factors are
            whole axes there.
        reference, port: the factors' sizes, slowest first, in the order of each side.
    """

    entry: Entry
    axis: int
    reference_axis: int
    reference: Sizes
    port: Sizes

    @property
    def words(self) -> tuple[str, str]:
        """The order of the reference and of the port: by the axes' names where the map knows them, else by size."""
        sizes = tuple("(" + ", ".join(map(str, one)) + ")" for one in (self.reference, self.port))
        return self.entry.flattened or (sizes[0], sizes[1])


@dataclass(frozen=True)
class _Digit:
    """A factor that both sides share: how far apart its entries lie on each."""

    size: int
    reference: int
    port: int


def factor_orders(entries: Iterable[Entry], shapes: Shapes, leaves: Shapes) -> Iterator[FactorOrder]:
    """Every order that a line changes and no framework asks for.

    Args:
        shapes: of the reference's arrays, by name; leaves: of the port's, by path.
    """
    for entry in entries:
        if any(kind == "reshape" for view in (entry.reference_view, entry.port_view) for kind, _ in view.steps):
            yield from _orders(entry, shapes[entry.reference], leaves[entry.port])


def _orders(entry: Entry, shape: Sizes, leaf: Sizes) -> Iterator[FactorOrder]:
    digits = [
        _Digit(size, mine, theirs)
        for size, mine, theirs in zip(
            *_sizes_and_strides(entry.reference_view, shape), _sizes_and_strides(entry.port_view, leaf)[1], strict=True
        )
        if size > 1
    ]
    seen: set[frozenset[int]] = set()
    for sizes, here, other, there in (
        (shape, "reference", leaf, "port"),
        (leaf, "port", shape, "reference"),
    ):
        for axis in range(len(sizes)):
            own = [digit for digit in digits if _axes_of(digit.size, getattr(digit, here), sizes) == [axis]]
            ordered = sorted(own, key=lambda digit: -digit.reference)
            moved = sorted(own, key=lambda digit: -digit.port)
            key = frozenset(map(id, own))
            if ordered != moved and key not in seen and _lies_together(own, other, there):
                seen.add(key)
                first = min(axis for digit in own for axis in _axes_of(digit.size, digit.port, leaf))
                first_here = min(axis for digit in own for axis in _axes_of(digit.size, digit.reference, shape))
                sizes_here, sizes_there = (tuple(digit.size for digit in one) for one in (ordered, moved))
                yield FactorOrder(entry, first, first_here, sizes_here, sizes_there)


def _lies_together(digits: list[_Digit], sizes: Sizes, side: str) -> bool:
    """Whether the factors lie in one axis of that side, or are whole axes of it beside each other."""
    axes = sorted({axis for digit in digits for axis in _axes_of(digit.size, getattr(digit, side), sizes)})
    if len(axes) == 1:
        return True
    beside = axes == list(range(axes[0], axes[-1] + 1)) or all(
        sizes[axis] == 1 for axis in range(axes[0], axes[-1]) if axis not in axes
    )
    return beside and prod(sizes[axis] for axis in axes) == prod(digit.size for digit in digits)


def _axes_of(size: int, stride: int, sizes: Sizes) -> list[int]:
    """The axes, in their order, over which a factor extends."""
    return [*range(_axis_of(stride * (size - 1), sizes), _axis_of(stride, sizes) + 1)]


def _axis_of(stride: int, sizes: Sizes) -> int:
    """The axis of a C-contiguous array in which entries lie that far apart."""
    step = 1
    for axis in range(len(sizes) - 1, -1, -1):
        if sizes[axis] > 1 and stride < step * sizes[axis]:
            return axis
        step *= sizes[axis]
    return 0


def _sizes_and_strides(view: View, shape: Sizes) -> tuple[Sizes, Sizes]:
    """What the view shows of a C-contiguous array of bytes, without any memory: its sizes, and how far apart entries
    lie. Of a complex array's parts, those of the numbers."""
    steps = view.steps[1:] if view.of_parts else view.steps
    shape = (*shape, 2) if view.of_parts else shape
    strides = tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
    shown = View(steps).of(np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), shape, strides, writeable=False))
    return shown.shape, tuple(abs(stride) for stride in shown.strides)
