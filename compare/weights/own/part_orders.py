"""Parts of one array that lie in another order in the one array that it is on the other side.

A class token joined at the end of a sequence and not at its front, a key packed before its query, an input before the
one that the reference has first: the map puts every part where it belongs, and whoever loads weights has to do the
same. How large the parts are beside each other says nothing: a token is one row, the patches all others.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from compare.arrays.arrays import Shapes
from compare.weights.entry import Entry
from compare.weights.mapping.gate_orders import PACKED
from compare.weights.own.factor_orders import Sizes, axes_of, laid

Range = tuple[int, int]


@dataclass(frozen=True)
class PartOrder:
    """An axis whose ranges lie in another order on the other side.

    Attributes:
        entry: the first line of the array.
        axis, reference_axis: of the port's leaf and of the reference's array.
        reference, port: the parts in the order of the reference, as the ranges of either side's axis.
        turned: whether the port's leaf is the transpose; None where it is neither that nor the same.
    """

    entry: Entry
    axis: int
    reference_axis: int
    reference: tuple[Range, ...]
    port: tuple[Range, ...]
    turned: bool | None

    def in_words(self, of_port: bool) -> tuple[str, str]:
        """The ranges of the side that weights come from, ``of_port`` or not, in its order and in the other's."""
        own, other = (self.port, self.reference) if of_port else (self.reference, self.port)
        return _listed(sorted(own)), _listed(_in_order_of(own, other))

    def in_numpy(self, of_port: bool) -> str:
        """How the other side's array is made; nothing where joining and transposing are not all of it."""
        if self.turned is None:
            return ""
        own, other = (self.port, self.reference) if of_port else (self.reference, self.port)
        name, axis = (self.entry.port, self.axis) if of_port else (self.entry.reference, self.reference_axis)
        cuts = [f"{name}[{':, ' * axis}{start}:{stop}]" for start, stop in _in_order_of(own, other)]
        return f"np.concatenate([{', '.join(cuts)}], {axis}){'.T' if self.turned else ''}"


def part_orders(entries: Iterable[Entry], shapes: Shapes, leaves: Shapes) -> Iterator[PartOrder]:
    """Every array whose parts the map had to put in another order, gates apart, of which is said which they are.

    Args:
        shapes: of the reference's arrays, by name; leaves: of the port's, by path.
    """
    of: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        for key in (("reference", entry.reference), ("port", entry.port)):
            of.setdefault(key, []).append(entry)
    for (side, name), parts in of.items():
        first = parts[0]
        alone = side == "reference" and len(parts) > 1 and parts == of["port", first.port]
        if alone and not any(PACKED in one.reason for one in parts):
            yield from _order(parts, shapes[name], leaves[first.port])


def _order(parts: Sequence[Entry], shape: Sizes, leaf: Sizes) -> Iterator[PartOrder]:
    here, there = (
        _ranges([laid(view, own) for view in views], own)
        for views, own in (
            ([one.reference_view for one in parts], shape),
            ([one.port_view for one in parts], leaf),
        )
    )
    if here is None or there is None:
        return
    (reference_axis, mine), (axis, theirs) = here, there
    order = sorted(range(len(parts)), key=lambda at: mine[at])
    if order != sorted(range(len(parts)), key=lambda at: theirs[at]):
        turned = _is_turned(parts, (shape, reference_axis), (leaf, axis))
        here_in_order, there_in_order = (tuple(side[at] for at in order) for side in (mine, theirs))
        yield PartOrder(parts[0], axis, reference_axis, here_in_order, there_in_order, turned)


def _ranges(parts: Sequence[tuple[Sizes, Sizes, int]], shape: Sizes) -> tuple[int, list[Range]] | None:
    """The axis along which parts lie one after another, and the range of it that each is; None where they do not."""
    starts = [np.unravel_index(start, shape) for *_, start in parts]
    moving = [axis for axis in range(len(shape)) if len({int(start[axis]) for start in starts}) > 1]
    if len(moving) != 1:
        return None
    (axis,) = moving
    step = prod(shape[axis + 1 :])
    ranges = []
    for (sizes, strides, _), start in zip(parts, starts, strict=True):
        within = [
            (size, stride // step)
            for size, stride in zip(sizes, strides, strict=True)
            if size > 1 and axes_of(size, stride, shape) == [axis]
        ]
        length = prod(size for size, _ in within)
        if sum((size - 1) * stride for size, stride in within) != length - 1:
            return None  # it is not one range, but one of each head, or of each entry
        ranges.append((int(start[axis]), int(start[axis]) + length))
    ordered = sorted(ranges)
    ends = [0, *(stop for _, stop in ordered)]
    return (axis, ranges) if ends == [*(start for start, _ in ordered), shape[axis]] else None


def _is_turned(parts: Sequence[Entry], here: tuple[Sizes, int], there: tuple[Sizes, int]) -> bool | None:
    """Whether every part is the other side's transposed; False where it is as it lies there, None where neither."""
    (shape, axis), (leaf, other) = here, there
    lies = [(laid(one.reference_view, shape), laid(one.port_view, leaf)) for one in parts]
    digits = [
        (mine, theirs)
        for (sizes, own, _), (_, others, _) in lies
        for size, mine, theirs in zip(sizes, own, others, strict=True)
        if size > 1
    ]
    if any(kind == "flip" for one in parts for kind, _ in (*one.reference_view.steps, *one.port_view.steps)):
        return None
    if shape == leaf and axis == other and all(mine == theirs for mine, theirs in digits):
        return False
    if len(shape) == 2 and leaf == shape[::-1] and axis != other:
        rows = shape[1]
        turned = (mine // rows if mine >= rows else mine * leaf[1] for mine, _ in digits)
        return True if [*turned] == [theirs for _, theirs in digits] else None
    return None


def _in_order_of(ranges: Sequence[Range], like: Sequence[Range]) -> list[Range]:
    return [own for _, own in sorted(zip(like, ranges, strict=True))]


def _listed(ranges: Sequence[Range]) -> str:
    return "(" + ", ".join(str(start) if stop - start == 1 else f"{start}:{stop}" for start, stop in ranges) + ")"
