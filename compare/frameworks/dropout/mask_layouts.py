"""How a mask of the reference lies in the port: whether two shapes can be one mask's, and by which change of axes."""

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import jax

Shape = tuple[int, ...]
Mask = TypeVar("Mask", "np.ndarray", "jax.Array")

SAME, SWAPPED, CHANNELS_LAST, REGROUPED = (
    "as it is",
    "with its first two axes swapped",
    "with its channels last",
    "with its leading axes regrouped",
)


def fits(reference: Shape, port: Shape, channels_last: bool) -> list[str]:
    """The ways in which a mask of shape ``reference`` becomes one of shape ``port``, the likeliest first.

    - as it is: the shapes are equal;
    - channels last, only where the port runs so: (N, C, L) to (N, L, C), and the same with 2 or 3 spatial axes;
    - first two axes swapped: (L, N, D) to (N, L, D), a sequence with its batch first on one side only; 3 axes or more;
    - leading axes regrouped: (N * H, L, S) to (N, H, L, S), and back.

    More than one way means that the shapes alone cannot decide. With channels last, an image-like mask (4 or 5
    axes) is taken to be permuted, then.
    """
    ways = list(_ways(reference, port, channels_last))
    if channels_last and len(reference) > 3 and CHANNELS_LAST in ways:
        ways.sort(key=lambda way: way != CHANNELS_LAST)
    return ways


def laid_out(mask: Mask, port: Shape, way: str) -> Mask:
    """``mask``, an array of either kind, brought to the shape ``port`` by one of the ways that ``fits`` found."""
    axes: tuple[int, ...] = tuple(range(mask.ndim))
    if way == CHANNELS_LAST:
        return mask.transpose((0, *axes[2:], 1))
    if way == SWAPPED:
        return mask.transpose((1, 0, *axes[2:]))
    return mask.reshape(port) if way == REGROUPED else mask


def _ways(reference: Shape, port: Shape, channels_last: bool) -> Iterator[str]:
    # Where the axes that move have length 1 the change is none, and only the first name for it is given.
    if reference == port:
        yield SAME
    moved = (reference[0], *reference[2:], reference[1]) if 3 <= len(reference) <= 5 else None
    if channels_last and moved == port and not _same_order(reference, (0, *range(2, len(reference)), 1)):
        yield CHANNELS_LAST
    swapped = (reference[1], reference[0], *reference[2:]) if len(reference) >= 3 else None
    if swapped == port and not _same_order(reference, (1, 0, *range(2, len(reference)))):
        yield SWAPPED
    if len(reference) != len(port) and _regroup(reference, port):
        yield REGROUPED


def _same_order(shape: Shape, axes: Shape) -> bool:
    """Whether the permutation changes nothing: it moves axes of length 1 only, and the shape stays."""
    long = [axis for axis in axes if shape[axis] != 1]
    return long == sorted(long) and tuple(shape[axis] for axis in axes) == shape


def _regroup(one: Shape, other: Shape) -> bool:
    short, long = sorted((one, other), key=len)
    if len(short) < 2:
        return False
    kept = len(short) - 1
    return short[1:] == long[-kept:] and short[0] == prod(long[:-kept])
