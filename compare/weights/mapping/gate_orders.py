"""The orders in which a port may pack the gates of a recurrent layer, where neither names nor classes tell them.

Torch packs an LSTM's as (i, f, g, o), Haiku as (i, g, f, o), in one kernel over input and state; Haiku adds 1 to the
forget gate, so that its bias has 1 less. A port that holds torch's two kernels as torch does has torch's order too, or
reads them wrongly. All layers of a port have one order.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import permutations, product

from compare.weights.mapping.gates import Gate
from compare.weights.mapping.line_layout import entry_of
from compare.weights.mapping.offsets import TO_FORGET
from compare.weights.mapping.paired import Array, pieces_of
from compare.weights.mapping.slots import is_whole
from compare.weights.weights import Entry

FORGOTTEN, FORGET = "f", 1.0  # the gate to which Haiku adds, and what

Partners = Mapping[Array, Array]


def gate_orders(
    gates: Mapping[str, tuple[Gate, ...]], partners: Partners, spare: Partners
) -> Iterator[dict[str, list[Entry]]]:
    """The lines of the arrays of recurrent layers, by name, in each other order that the port may have; none where the
    port's gates are known, or lie apart.

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
    first: dict[str, Array] = {}  # of each layer the bias that has what the port adds to its gate taken off
    for array in held:
        if gates[array.name][0].bias and array not in spare:
            first.setdefault(gates[array.name][0].layer, array)
    added = [0.0] + [FORGET] * (FORGOTTEN in [gate.name for gate in order] and bool(first))
    for more, places in product(added, permutations(range(count))):
        if places == tuple(range(count)) and not more:
            continue
        reason = f"gates as ({', '.join(order[at].name for at in places)})"
        reason += f", {TO_FORGET.format(more)}" if more else ""
        yield {
            array.name: [
                replace(
                    entry_of(mine[at], theirs[place], reason),
                    summed=array in spare,
                    offset=-more if order[at].name == FORGOTTEN and array in first.values() else 0.0,
                )
                for place, at in enumerate(places)
            ]
            for array, (mine, theirs) in pieces.items()
        }


def _packed(gates: Mapping[str, tuple[Gate, ...]], partners: Partners, spare: Partners) -> list[Array]:
    every = [*partners, *(array for array, first in spare.items() if first in partners)]
    return [array for array in every if array.name in gates]
