"""Some of many, the fewest first."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import TypeVar

One = TypeVar("One")
AT_ONCE = 3


def subsets(given: Sequence[One]) -> Iterator[tuple[One, ...]]:
    """The non-empty subsets of up to three, in the order given, then all together."""
    for size in range(1, min(AT_ONCE, len(given)) + 1):
        yield from combinations(given, size)
    if len(given) > AT_ONCE:
        yield tuple(given)
