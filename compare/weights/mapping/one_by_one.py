"""Arrays that only what both functions do tells apart, and that are too many to be tried together: one after another.

While one of them has numbers of its own, the others of its sizes are all the same array, and the same whichever way its
axes lie: which of them is which, and how it is kept, says nothing then, and each is told by itself.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from compare.weights.mapping.plain_layouts import plain_layouts
from compare.weights.mapping.settled import Lines
from compare.weights.weights import Entry

Shapes = Mapping[str, tuple[int, ...]]
# Of several maps, the array that has numbers of its own, and all that are tried so: the place of the map under which
# both functions agree; None: under none.
Choose = Callable[[Sequence[list[Entry]], str, Collection[str]], int | None]


def one_by_one(lines: Lines, shapes: Shapes, leaves: Shapes, choose: Choose) -> Lines | None:
    """The lines with each of ``lines.many`` told from the others; None where both functions agree under no map.

    Args:
        shapes, leaves: of the reference's arrays and of the port's leaves.
    """
    entries, left = list(lines.entries), list(lines.many)
    names = [entries[at].reference for at in lines.many]
    for at in lines.many:
        candidates = [one for other in left for one in _with_leaf_of(entries, at, other, shapes, leaves)]
        chosen = choose(candidates, entries[at].reference, names)
        if chosen is None:
            return None
        entries = candidates[chosen]
        left.remove(at)
    return replace(lines, entries=entries, many=())


def _with_leaf_of(entries: list[Entry], at: int, other: int, shapes: Shapes, leaves: Shapes) -> list[list[Entry]]:
    """The lines at two places with their leaves exchanged, the first in each of its layouts; none where the sizes are
    others."""
    mine, theirs = entries[at], entries[other]
    made = []
    for line in plain_layouts(mine.reference, shapes[mine.reference], theirs.port, leaves[theirs.port], mine.reason):
        back = plain_layouts(theirs.reference, shapes[theirs.reference], mine.port, leaves[mine.port], theirs.reason)
        own = list(entries)
        own[other], own[at] = back[0], line  # of one and the same place the line counts
        made.append(own)
    return made
