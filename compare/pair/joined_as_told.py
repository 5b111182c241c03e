"""Arrays over what both sides join in another order: kept as the reference keeps them, or in the port's order.

A class token at the end, the second input first: with the reference's rows as they are that is another function, which
is what a loader makes of it that knows nothing of the order, and what is judged. Where the port comes with weights that
are the reference's in its own order, its loader does know, and they are taken so.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from compare.arrays.arrays import Arrays
from compare.weights.entry import Entry
from compare.weights.mapping.offsets import holds
from compare.weights.own.part_orders import part_orders
from compare.weights.own.rearrangement import axis_words

if TYPE_CHECKING:
    from compare.pair.prepare import Prepared

SHOWN = 3  # arrays that are named


def joined_as_told(
    ready: "Prepared",
    other: "Prepared",
    names: Collection[str],
    choose: Callable[[Sequence["Prepared"]], int | None],
) -> "Prepared":
    """The one of both maps that the port's own weights are; ``ready`` where they are neither, and what both functions
    do under ``other`` is said.

    Args:
        ready, other: with the rows of the arrays ``names`` as they are, and in the port's order.
        choose: the place of the map of several under which both functions agree.
    """
    plain, joined = ([one for one in each.weight_map.entries if one.reference in names] for each in (ready, other))
    held = ready.port.initial([*dict.fromkeys(one.port for one in joined)]) if ready.port.has_own else {}
    if held and _are(joined, ready.own, held) and not _are(plain, ready.own, held):
        return other
    if choose((ready, other)) != 1:
        return ready
    return replace(ready, notes=(*ready.notes, _said(other, joined)))


def _are(lines: Sequence[Entry], own: Arrays, held: Arrays) -> bool:
    return all(holds(one, 0.0, own[one.reference], held[one.port]) for one in lines)


def _said(other: "Prepared", joined: Sequence[Entry]) -> str:
    orders = [*part_orders(joined, other.shapes, other.leaves)]
    permuted = [
        f"{order.entry.reference}'s {axis_words(order.reference_axis, other.shapes[order.entry.reference])} "
        "{} as {}".format(*order.in_words(of_port=False))
        for order in orders[:SHOWN]
    ]
    more = f" and {len(orders) - SHOWN} more arrays so" if len(orders) > SHOWN else ""
    return (
        f"both functions agree where the port holds {', '.join(permuted)}{more}: it joins, or cuts, in another order. "
        "Arrays are judged as a loader writes them that does not know of it; where yours does, give the port the "
        "weights that it loads, (module, variables)"
    )
