"""Arrays left over on both sides that are used unlike: one through its inverse here, solved with there.

Where as many of one set of sizes are left on either side, each may be any of the others. No evidence says which: every
way to pair them is there to be tried, or, where those are too many, each array by itself; and none is believed that
both functions do not agree under.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations, product
from math import factorial, prod

from compare.errors import UsageError
from compare.weights.mapping.paired import Array
from compare.weights.mapping.plain_layouts import plain_layouts
from compare.weights.mapping.settled import Settled
from compare.weights.mapping.slots import is_whole

MOST = 64  # maps that are tried
MOST_ALONE = 256  # of those in which one array is told from the others

Sizes = tuple[int, ...]


def unlike(way: Settled, question: UsageError) -> list[Settled]:
    """The ways to pair by their sizes alone what ``way`` leaves over: every one, or one in which each array is to be
    told from the others (``many``); none where there are not as many on both sides, or too many to be tried.

    Args:
        question: what is said where both functions agree under none.
    """
    left = [group for group in way.groups if not group.settled]
    here = _by_sizes([array for group in left for array in group.reference])
    there = _by_sizes([array for group in left for array in group.port])
    if here is None or there is None or not here:
        return []
    counts = {sizes: len(arrays) for sizes, arrays in here.items()}
    if counts != {sizes: len(arrays) for sizes, arrays in there.items()}:
        return []
    if prod(map(factorial, counts.values())) * prod(map(_layouts, here.values())) > MOST:
        if sum(len(arrays) ** 2 * _layouts(arrays[:1]) for arrays in here.values()) > MOST_ALONE:
            return []
        in_order = dict(pair for sizes in here for pair in zip(here[sizes], there[sizes], strict=True))
        return [replace(way, sized=in_order, question=question, many=True)]
    orders = [[list(zip(here[sizes], some, strict=True)) for some in permutations(there[sizes])] for sizes in here]
    return [
        replace(way, sized=dict(pair for pairs in chosen for pair in pairs), question=question)
        for chosen in product(*orders)
    ]


def _by_sizes(arrays: Sequence[Array]) -> dict[Sizes, list[Array]] | None:
    """Those that need a counterpart, in the order of use, by the sizes of their axes; None where one is a piece or
    complex."""
    required = sorted((array for array in arrays if not array.optional), key=lambda array: array.first)
    if any(array.tag or array.unit.is_complex or not is_whole(array.unit) for array in required):
        return None
    by_sizes: dict[Sizes, list[Array]] = {}
    for array in required:
        by_sizes.setdefault(tuple(sorted(size for size in array.unit.shape if size > 1)), []).append(array)
    return by_sizes


def _layouts(arrays: Sequence[Array]) -> int:
    """In how many ways the axes of all of them can be laid."""
    return prod(len(plain_layouts("", array.unit.shape, "", array.unit.shape, "")) for array in arrays)
