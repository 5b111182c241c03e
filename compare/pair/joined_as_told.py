"""Arrays over what both sides join in another order: kept as the reference keeps them, or in the port's order.

A class token at the end, the second input first: with the reference's rows as they are that is another function, which
is what a loader makes of it that knows nothing of the order, and what is judged. Where the port comes with weights that
are the reference's in its own order, its loader does know, and they are taken so.
"""

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from compare.arrays.arrays import Arrays, Shapes
from compare.weights.entry import Entry
from compare.weights.mapping.offsets import holds
from compare.weights.own.part_orders import part_orders
from compare.weights.own.rearrangement import axis_words
from compare.weights.weights import WeightMap

if TYPE_CHECKING:
    from compare.frameworks.models.ports import PortModel

SHOWN = 3  # arrays that are named


def joined_as_told(
    maps: tuple[WeightMap, WeightMap],
    names: Collection[str],
    own: Arrays,
    port: "PortModel",
    choose: Callable[[], int | None],
) -> tuple[int, str]:
    """Which of two maps it is, and what is to be said of that.

    Args:
        maps: with the rows of the arrays ``names`` as they are, and in the port's order.
        own: the reference's own values.
        choose: the place of the one under which both functions agree; asked where the port's own weights are neither.
    """
    plain, joined = ([one for one in each.entries if one.reference in names] for each in maps)
    held = port.initial([*dict.fromkeys(one.port for one in joined)]) if port.has_own else {}
    if held and _are(joined, own, held) and not _are(plain, own, held):
        return 1, ""
    if choose() != 1:
        return 0, ""
    leaves = {one.port: tuple(port.leaves[one.port].shape) for one in joined}
    return 0, _said(joined, {one.reference: own[one.reference].shape for one in joined}, leaves)


def _are(lines: Sequence[Entry], own: Arrays, held: Arrays) -> bool:
    return all(holds(one, 0.0, own[one.reference], held[one.port]) for one in lines)


def _said(joined: Sequence[Entry], shapes: Shapes, leaves: Shapes) -> str:
    orders = [*part_orders(joined, shapes, leaves)]
    permuted = [
        f"{order.entry.reference}'s {axis_words(order.reference_axis, tuple(shapes[order.entry.reference]))} "
        "{} as {}".format(*order.in_words(of_port=False))
        for order in orders[:SHOWN]
    ]
    more = f" and {len(orders) - SHOWN} more arrays so" if len(orders) > SHOWN else ""
    return (
        f"both functions agree where the port holds {', '.join(permuted)}{more}: it joins, or cuts, in another order. "
        "Arrays are judged as a loader writes them that does not know of it; where yours does, give the port the "
        "weights that it loads, (module, variables)"
    )
