"""The orders in which a port may pack the gates of a recurrent layer, where neither names nor classes tell them.

Torch packs an LSTM's as (i, f, g, o), Haiku as (i, g, f, o), in one kernel over input and state. A port that holds
torch's two kernels as torch does has torch's order too, or reads them wrongly. All layers of a port have one order.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import permutations

from compare.weights.mapping.gates import Gate
from compare.weights.mapping.line_layout import entry_of
from compare.weights.mapping.paired import Array, pieces_of
from compare.weights.mapping.slots import is_whole
from compare.weights.weights import Entry

Partners = Mapping[Array, Array]


def gate_orders(
    gates: Mapping[str, tuple[Gate, ...]], partners: Partners, spare: Partners
) -> Iterator[tuple[tuple[str, ...], dict[str, list[Entry]]]]:
    """Each other order that the port may have, with the lines of the arrays of recurrent layers in it, by name; none
    where the port's gates are known, or lie apart.

    Args:
        gates: of the reference's packed arrays, the gates in order.
        partners: the leaf that each array is; spare: the biases that are added to another's.
    """
    held = {array: partners.get(array) or partners[spare[array]] for array in _packed(gates, partners, spare)}
    if all(is_whole(other.unit) for other in held.values()):
        return
    if any(array.gate is not None or other.gate is not None for array, other in held.items()):
        return
    order = gates[next(iter(held)).name]
    count = len(order)
    pieces = {array: (pieces_of(array.unit, count), pieces_of(other.unit, count)) for array, other in held.items()}
    if count < 2 or any(len(side) != count for both in pieces.values() for side in both):
        return
    for places in permutations(range(count)):
        if places == tuple(range(count)):
            continue
        named = tuple(order[at].name for at in places)
        reason = f"gates as ({', '.join(named)})"
        yield (
            named,
            {
                array.name: [
                    replace(entry_of(mine[at], theirs[place], reason), summed=array in spare)
                    for place, at in enumerate(places)
                ]
                for array, (mine, theirs) in pieces.items()
            },
        )


def _packed(gates: Mapping[str, tuple[Gate, ...]], partners: Partners, spare: Partners) -> list[Array]:
    every = [*partners, *(array for array, first in spare.items() if first in partners)]
    return [array for array in every if array.name in gates]
