"""The plain layouts of one array in another's shape: what may be tried where nothing tells which axis is which."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice, permutations
from math import prod

from compare.arrays.views import AS_IS, View
from compare.weights.weights import Entry

MOST = 24  # orders of four equal axes


def plain_layouts(reference: str, shape: Sequence[int], port: str, own: Sequence[int], reason: str) -> list[Entry]:
    """Every line that lays an array's axes of more than one entry along the other's, in any order, the order in which
    they are first; none where the shapes have different axes.

    Args:
        shape, own: of the reference's array and of the port's leaf.
    """
    views = islice(_views(tuple(shape), tuple(own)), MOST)
    return [Entry(reference, port, mine, theirs, reason) for mine, theirs in views]


def flat_layouts(reference: str, shape: Sequence[int], port: str, own: Sequence[int], reason: str) -> list[Entry]:
    """Every line that lays a kernel (out, in, space ...) along a matrix whose one axis is all of the kernel's but the
    first, flattened in any order; none where it is no such matrix."""
    if len(shape) < 3 or len(own) != 2:
        return []
    lines: list[Entry] = []
    for last in (True, False):  # of the matrix: the kernel's out is its last axis, or its first
        if tuple(own) != ((prod(shape[1:]), shape[0]) if last else (shape[0], prod(shape[1:]))):
            continue
        for order in islice(permutations(range(1, len(shape))), MOST):
            axes = (*order, 0) if last else (0, *order)
            there = View((("reshape", tuple(shape[at] for at in axes)),))
            here = AS_IS if list(axes) == sorted(axes) else View((("transpose", axes),))
            lines.append(Entry(reference, port, here, there, reason))
    return lines


def others(line: Entry, shape: Sequence[int], own: Sequence[int]) -> list[Entry]:
    """The plain layouts of a line's two arrays that are not the line's."""
    every = plain_layouts(line.reference, shape, line.port, own, line.reason)
    return [one for one in every if replace(one, reason=line.reason) != line]


def _views(shape: tuple[int, ...], own: tuple[int, ...]) -> Iterator[tuple[View, View]]:
    if shape == own:
        for order in permutations(range(len(shape))):
            if tuple(shape[at] for at in order) == own:
                yield (AS_IS if list(order) == sorted(order) else View((("transpose", order),))), AS_IS
        return
    mine, theirs = _squeezed(shape), _squeezed(own)
    if sorted(mine) != sorted(theirs):
        return
    first = AS_IS if mine == shape else View((("reshape", mine),))
    for order in permutations(range(len(mine))):
        if tuple(mine[at] for at in order) == theirs:
            turned = first if list(order) == sorted(order) else first.then("transpose", order)
            yield turned, (AS_IS if theirs == own else View((("reshape", theirs),)))


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size > 1)
