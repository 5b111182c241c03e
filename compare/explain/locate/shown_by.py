"""How an array of the port shows one of the reference's: axes permuted, merged or split."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from math import prod

import numpy as np

from compare.explain.locate.cuts import Shape
from compare.explain.locate.thresholds import ALIKE


@dataclass(frozen=True)
class Layout:
    """Of two shapes the one with more axes, its ``axes`` permuted and then merged, is the other.

    Attributes:
        splits: it is the port's array that has more axes.
        order: of the reference's entries along its last axis, in the port; empty where it is the same.
    """

    reference: Shape
    port: Shape
    axes: tuple[int, ...]
    splits: bool = False
    order: tuple[int, ...] = ()

    def between(self, reference: Shape, port: Shape) -> "Layout":
        """The same between two other shapes.

        Raises:
            ValueError: it does not lead from one to the other.
        """
        long, short = (port, reference) if self.splits else (reference, port)
        whole = sorted(self.axes) == list(range(len(long)))
        if not whole or prod(long) != prod(short) or not _merges([long[axis] for axis in self.axes], short):
            raise ValueError(f"no layout of axes {self.axes} between {reference} and {port}")
        return replace(self, reference=reference, port=port)

    def to_port(self, array: np.ndarray) -> np.ndarray:
        """The reference's array as the port has it."""
        array = array[..., self.order] if self.order else array
        return self._apart(array, self.port) if self.splits else array.transpose(self.axes).reshape(self.port)

    def to_reference(self, array: np.ndarray) -> np.ndarray:
        """The port's array as the reference has it."""
        splits = self.splits
        made = array.transpose(self.axes).reshape(self.reference) if splits else self._apart(array, self.reference)
        return made[..., np.argsort(self.order)] if self.order else made

    def _apart(self, array: np.ndarray, shape: Shape) -> np.ndarray:
        whole = array.reshape([shape[axis] for axis in self.axes])
        return whole.transpose(np.argsort(self.axes))


def layouts(reference: Shape, port: Shape) -> Iterator[Layout]:
    """Every layout between two shapes, the plainest first."""
    if prod(reference) != prod(port):
        return
    splits = len(port) > len(reference)
    long, short = (port, reference) if splits else (reference, port)
    for axes in permutations(range(len(long))):
        if _merges([long[axis] for axis in axes], short):
            yield Layout(reference, port, axes, splits)


def _merges(sizes: Sequence[int], into: Shape) -> bool:
    """Whether neighbouring axes can be multiplied together into the given ones."""
    rest = list(sizes)
    for size in into:
        while size > 1 and rest:
            if size % rest[0]:
                return False
            size //= rest.pop(0)
        if size != 1:
            return False
    return all(size == 1 for size in rest)


def relative_distance(reference: np.ndarray, port: np.ndarray) -> float:
    """The relative difference of two arrays in one layout, over the entries that are finite in both."""
    finite = np.isfinite(reference) & np.isfinite(port)
    apart, size = _norm(reference[finite] - port[finite]), _norm(reference[finite])
    return apart / size if size else float(apart > 0)


def _norm(array: np.ndarray) -> float:
    """The 2-norm, which a mask's lowest number does not overflow."""
    top = float(np.max(np.abs(array), initial=0.0))
    return top * float(np.linalg.norm(array / top)) if top else 0.0


class KnownLayouts:
    """Which of the reference's arrays an array of the port is, and in which layout; it learns from those that agree."""

    def __init__(self, turned: bool = False, orders: Sequence[tuple[int, ...]] = ()) -> None:
        """``turned``: the port has its channels last where the reference has them second; ``orders``: in which it
        flattens some axes, by the weight map."""
        self.turned, self.orders = turned, orders
        self.known: dict[tuple[Shape, Shape], tuple[int, ...]] = {}

    def find(
        self,
        references: Sequence[np.ndarray],
        port: np.ndarray | None,
        shape: Shape,
        place: int,
        order: tuple[int, ...] = (),
        entered: tuple[int, ...] = (),
    ) -> tuple[int, Layout] | None:
        """The position of the array and its layout; None where none has as many entries.

        Args:
            references: the reference's arrays at this cut.
            port: the port's array, of ``shape``, where it is known already. place: its position among the port's.
            order: in which the port's layer wants the last axis, where the weight map says that.
            entered: the axes of the layout in which arrays enter the same layer, where it is known.
        """
        plain = [
            (number, layout)
            for number, reference in enumerate(references)
            for layout in layouts(reference.shape, shape)
        ]
        fitting = _ordered(plain, [order]) or plain if order else [*plain, *_ordered(plain, self.orders)]
        if not fitting:
            return None
        if port is not None:
            apart = [relative_distance(references[number], layout.to_reference(port)) for number, layout in fitting]
            nearest = min(range(len(fitting)), key=apart.__getitem__)  # of equals the first, the plainest
            if apart[nearest] <= ALIKE:
                number, layout = fitting[nearest]
                if not layout.order:
                    self.known[layout.reference, layout.port] = layout.axes
                return number, layout
        numbers = {number for number, _ in fitting}
        number = place if place in numbers else min(numbers)
        return number, self._likely([layout for other, layout in fitting if other == number], entered)

    def _likely(self, fitting: list[Layout], entered: tuple[int, ...]) -> Layout:
        """The layout of an array that agrees in none: that in which its layer is entered, that of others of its shape,
        that of most of the model's with as many axes (of 8 channels of 8 by 8 the shape tells nothing), or the usual
        one."""
        by_axes = {layout.axes: layout for layout in reversed(fitting)}
        if entered in by_axes:
            return by_axes[entered]
        first = fitting[0]
        rank = len(first.reference)
        usual = self.known.get((first.reference, first.port)) or self._learnt(rank, len(first.port))
        if usual is None and self.turned and rank == len(first.port) > 2:
            usual = (0, *range(2, rank), 1)
        if usual in by_axes:
            return by_axes[usual]
        return by_axes.get(tuple(range(len(first.axes))), first)

    def _learnt(self, rank: int, port_rank: int) -> tuple[int, ...] | None:
        """The axes of most arrays of these ranks that agreed; where as many lie otherwise, those that are permuted."""
        counts = Counter(
            axes for (reference, port), axes in self.known.items() if (len(reference), len(port)) == (rank, port_rank)
        )
        return max(counts, key=lambda axes: (counts[axes], list(axes) != sorted(axes)), default=None)


def _ordered(plain: Sequence[tuple[int, Layout]], orders: Sequence[tuple[int, ...]]) -> list[tuple[int, Layout]]:
    """The plain layouts with the reference's last axis in each order that fits it."""
    return [
        (number, replace(layout, order=order))
        for number, layout in plain
        for order in orders
        if layout.reference[-1:] == (len(order),)
    ]
