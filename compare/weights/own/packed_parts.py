"""The arrays that one array packs beside each other, by name, in the order in which they lie along an axis."""

import re
from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from compare.arrays.views import View


def parts_along(parts: Mapping[str, View], shape: Sequence[int], axis: int) -> list[str]:
    """The names of the parts of an array of ``shape``, where they lie along ``axis`` one after the other and are of one
    length; empty where they do not.

    Args:
        parts: by name, where each is in the array.
    """
    step, size = prod(shape[axis + 1 :]), shape[axis]
    starts = {_start(view, tuple(shape)): name for name, view in parts.items()}
    length, rest = divmod(size, len(parts))
    if rest or sorted(starts) != [place * length * step for place in range(len(parts))]:
        return []
    return [starts[start] for start in sorted(starts)]


def told_apart(names: Sequence[str]) -> list[str]:
    """Of names of arrays that of their parts in which they differ: ``q`` of ``attn.q.weight``."""
    parted = [re.split(r"[./]", name) for name in names]
    shortest = min(map(len, parted))
    front = next((at for at in range(shortest) if len({parts[at] for parts in parted}) > 1), 0)
    back = next((at for at in range(1, shortest - front + 1) if len({parts[-at] for parts in parted}) > 1), 1)
    return [".".join(parts[front : len(parts) - back + 1]) for parts in parted]


def _start(view: View, shape: tuple[int, ...]) -> int:
    """How far into the memory of a C-contiguous array a view of it begins; nothing is allocated."""
    strides = tuple(prod(shape[at + 1 :]) for at in range(len(shape)))
    whole = np.lib.stride_tricks.as_strided(np.zeros(1, np.uint8), shape, strides, writeable=False)
    shown = View(view.steps[1:] if view.of_parts else view.steps).of(whole)
    lowest = sum(stride * (size - 1) for size, stride in zip(shown.shape, shown.strides, strict=True) if stride < 0)
    return int(shown.__array_interface__["data"][0] - whole.__array_interface__["data"][0] + lowest)
