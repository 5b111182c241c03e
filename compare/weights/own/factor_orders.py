"""Which axis of an array a line of the map takes apart, to put its factors together in another order.

A kernel that is transposed, gates that are packed, heads that have an axis of their own: what a framework stores in
another form leaves the order inside an axis as it is. Where the map had to change it, the two models flatten, or part
into heads, in different orders, and whoever loads weights has to do the same.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import prod

import numpy as np

from compare.arrays.arrays import Shapes
from compare.arrays.views import View
from compare.weights.entry import Entry

Sizes = tuple[int, ...]
Steps = tuple[tuple[str, tuple[object, ...]], ...]  # methods of an array, with what they are called with


@dataclass(frozen=True)
class FactorOrder:
    """An axis whose factors lie in another order on the other side.

    Attributes:
        entry: the line.
        axis, reference_axis: of the port's leaf and of the reference's array; the first of them where the factors are
            whole axes there.
        reference, port: the factors' sizes, slowest first, in the order of each side.
        to_port, to_reference: where ``entry`` is the first of several lines that are one array together, how NumPy
            makes either side's array of the other's; nothing elsewhere.
    """

    entry: Entry
    axis: int
    reference_axis: int
    reference: Sizes
    port: Sizes
    to_port: Steps = ()
    to_reference: Steps = ()

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
    every, of = [*entries], dict[tuple[str, str], list[Entry]]()
    whole: dict[str, list[_Digit]] = {}
    for entry in every:
        for name in (("reference", entry.reference), ("port", entry.port)):
            of.setdefault(name, []).append(entry)
    for entry in every:
        if not any(kind == "reshape" for view in (entry.reference_view, entry.port_view) for kind, _ in view.steps):
            continue
        shape, leaf = shapes[entry.reference], leaves[entry.port]
        parts, others = of["reference", entry.reference], of["port", entry.port]
        if parts[0] is entry:
            whole[entry.reference] = _digits_of_all(parts, shape, leaf) if len(parts) > 1 and parts == others else []
        digits = whole.get(entry.reference)
        if not digits:
            yield from _orders(entry, shape, leaf, _digits(entry, shape, leaf))
        elif parts[0] is entry:
            to_port, to_reference = _in_numpy(digits, _exchanged(parts, shape, leaf), shape, leaf)
            orders = _orders(entry, shape, leaf, digits)
            yield from (replace(one, to_port=to_port, to_reference=to_reference) for one in orders)


def _in_numpy(digits: list[_Digit], places: list[int], shape: Sizes, leaf: Sizes) -> tuple[Steps, Steps]:
    """How the port's array is made of the reference's, and the other way. ``places``: of each part, the first digit's,
    its place among them on the other side."""
    here, there = (sorted(digits, key=lambda digit: -getattr(digit, side)) for side in ("reference", "port"))
    order, back = tuple(here.index(digit) for digit in there), tuple(there.index(digit) for digit in here)
    axis, usual = here.index(digits[0]), list(range(len(places)))
    picks = sorted(usual, key=places.__getitem__)
    to_port = [("reshape", _sizes(here)), ("take", (picks, axis)), ("transpose", order), ("reshape", leaf)]
    to_reference = [("reshape", _sizes(there)), ("transpose", back), ("take", (places, axis)), ("reshape", shape)]
    first, second = (
        tuple(step for step in steps if step[0] != "take" or places != usual) for steps in (to_port, to_reference)
    )
    return first, second


def _sizes(digits: list[_Digit]) -> Sizes:
    return tuple(digit.size for digit in digits)


def _digits(entry: Entry, shape: Sizes, leaf: Sizes) -> list[_Digit]:
    """Of what a line shows."""
    (sizes, mine, _), (_, theirs, _) = laid(entry.reference_view, shape), laid(entry.port_view, leaf)
    return [_Digit(*one) for one in zip(sizes, mine, theirs, strict=True) if one[0] > 1]


def _digits_of_all(parts: list[Entry], shape: Sizes, leaf: Sizes) -> list[_Digit]:
    """Of an array whose parts several lines show, on either side each as far from the next: the parts are a factor
    more, the first. None where they are not."""
    shown = [(laid(one.reference_view, shape), laid(one.port_view, leaf)) for one in parts]
    turned = any(kind == "flip" for one in parts for kind, _ in (*one.reference_view.steps, *one.port_view.steps))
    if turned or len({(here[:2], there[:2]) for here, there in shown}) > 1:
        return []
    steps: list[int] = []
    for side in (0, 1):
        starts = sorted(both[side][2] for both in shown)
        apart = {after - before for before, after in pairwise(starts)}
        if len(apart) > 1 or 0 in apart:
            return []
        steps += apart
    digits = [_Digit(len(parts), *steps), *_digits(parts[0], shape, leaf)]
    return digits if prod(digit.size for digit in digits) == prod(shape) == prod(leaf) else []


def _exchanged(parts: list[Entry], shape: Sizes, leaf: Sizes) -> list[int]:
    """Of each part of the reference's array, in its order, the place among those of the port's."""
    ordered = sorted(parts, key=lambda one: laid(one.reference_view, shape)[2])
    starts = [laid(one.port_view, leaf)[2] for one in ordered]
    return [sorted(starts).index(start) for start in starts]


def _orders(entry: Entry, shape: Sizes, leaf: Sizes, digits: list[_Digit]) -> Iterator[FactorOrder]:
    seen: set[frozenset[int]] = set()
    for sizes, here, other, there in (
        (shape, "reference", leaf, "port"),
        (leaf, "port", shape, "reference"),
    ):
        for axis in range(len(sizes)):
            own = [digit for digit in digits if axes_of(digit.size, getattr(digit, here), sizes) == [axis]]
            ordered = sorted(own, key=lambda digit: -digit.reference)
            moved = sorted(own, key=lambda digit: -digit.port)
            key = frozenset(map(id, own))
            if ordered != moved and key not in seen and _lies_together(own, other, there):
                seen.add(key)
                first = min(axis for digit in own for axis in axes_of(digit.size, digit.port, leaf))
                first_here = min(axis for digit in own for axis in axes_of(digit.size, digit.reference, shape))
                sizes_here, sizes_there = (tuple(digit.size for digit in one) for one in (ordered, moved))
                yield FactorOrder(entry, first, first_here, sizes_here, sizes_there)


def _lies_together(digits: list[_Digit], sizes: Sizes, side: str) -> bool:
    """Whether the factors lie in one axis of that side, or are whole axes of it beside each other."""
    axes = sorted({axis for digit in digits for axis in axes_of(digit.size, getattr(digit, side), sizes)})
    if len(axes) == 1:
        return True
    beside = axes == list(range(axes[0], axes[-1] + 1)) or all(
        sizes[axis] == 1 for axis in range(axes[0], axes[-1]) if axis not in axes
    )
    return beside and prod(sizes[axis] for axis in axes) == prod(digit.size for digit in digits)


def axes_of(size: int, stride: int, sizes: Sizes) -> list[int]:
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


def laid(view: View, shape: Sizes) -> tuple[Sizes, Sizes, int]:
    """What the view shows of a C-contiguous array of bytes, without any memory: its sizes, how far apart entries lie,
    and where the first is. Of a complex array's parts, those of the numbers."""
    steps = view.steps[1:] if view.of_parts else view.steps
    shape = (*shape, 2) if view.of_parts else shape
    strides = tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
    whole = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), shape, strides, writeable=False)
    shown = View(steps).of(whole)
    start = shown.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    return shown.shape, tuple(abs(stride) for stride in shown.strides), start
