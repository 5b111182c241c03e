"""Arrays over what both sides join in another order: kept as the reference keeps them, or in the port's order.

A class token at the end, the second input first: with the reference's rows as they are that is another function, with
its rows in the port's order it is the same one. Where the port comes with the reference's weights they say which its
loader writes; else the map is the one under which both functions agree, as for a flatten order, and that the loader has
to permute leads the report.
"""

from collections.abc import Callable, Collection, Sequence

from compare.arrays.arrays import Arrays
from compare.pair.prepared import Prepared
from compare.weights.entry import Entry
from compare.weights.mapping.offsets import holds


def joined_as_told(
    ready: Prepared,
    other: Prepared,
    names: Collection[str],
    choose: Callable[[Sequence[Prepared]], int | None],
) -> Prepared:
    """The one of both maps that the port's own weights are; where they are neither, or both, the one under which both
    functions agree, and ``ready`` where they do under none.

    Args:
        ready, other: with the rows of the arrays ``names`` as they are, and in the port's order.
        choose: the place of the map of several under which both functions agree.
    """
    plain, joined = ([one for one in each.weight_map.entries if one.reference in names] for each in (ready, other))
    held = ready.port.initial([*dict.fromkeys(one.port for one in joined)]) if ready.port.has_own else {}
    as_is, in_order = (bool(held) and _are(lines, ready.own, held) for lines in (plain, joined))
    if as_is != in_order:
        return other if in_order else ready
    return other if choose((ready, other)) == 1 else ready


def _are(lines: Sequence[Entry], own: Arrays, held: Arrays) -> bool:
    return all(holds(one, 0.0, own[one.reference], held[one.port]) for one in lines)
