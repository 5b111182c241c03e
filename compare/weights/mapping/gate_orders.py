"""The orders in which a port may pack the gates of a recurrent layer, where neither names nor classes tell them.

Torch packs an LSTM's as (i, f, g, o), Haiku as (i, g, f, o), in one kernel over input and state; Haiku adds 1 to the
forget gate, so that its bias has 1 less. A port that holds torch's two kernels as torch does has torch's order too, or
reads them wrongly; one that keeps two of its own, with inputs first, may have its own order as well. All layers of a
port have one order.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import permutations, product

from compare.weights.mapping.gates import GRU, LSTM, Gate
from compare.weights.mapping.line_layout import entry_of
from compare.weights.mapping.offsets import TO_FORGET
from compare.weights.mapping.paired import Array, pieces_of
from compare.weights.mapping.slots import is_whole
from compare.weights.weights import Entry

PACKED = "gates as ("  # of a line's reason: the order follows
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
    held = _held(gates, partners, spare)
    if not held or _as_torch(held):
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
    may_add = FORGOTTEN in [gate.name for gate in order] and bool(first) and not has_two_kernels(gates, partners, spare)
    added = [0.0] + [FORGET] * may_add
    for more, places in product(added, permutations(range(count))):
        if places == tuple(range(count)) and not more:
            continue
        reason = f"{PACKED}{', '.join(order[at].name for at in places)})"
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


def said_of_gates(entries: Iterable[Entry]) -> list[str]:
    """A notice where the port packs gates in an order of its own: whoever loads weights has to put them so."""
    orders: dict[str, str] = {}
    for entry in entries:
        _, packed, order = entry.reason.partition(PACKED)
        if packed:
            orders.setdefault(entry.reference.rpartition(".")[0], order.partition(")")[0])
    torchs = {frozenset(one): ", ".join(one) for one in (LSTM, GRU)}
    first = next(iter(orders), None)
    if first is None:
        return []
    more = f" (and so {len(orders) - 1} more)" if len(orders) > 1 else ""
    own, usual = orders[first], torchs.get(frozenset(orders[first].split(", ")), "another order")
    return [
        f"the port packs the gates of {first} as ({own}), torch as ({usual}){more}, and your loader must put them so"
    ]


def has_two_kernels(gates: Mapping[str, tuple[Gate, ...]], partners: Partners, spare: Partners) -> bool:
    """Whether the port keeps a kernel for the input and one for the state, as torch does: then torch's order is the
    likely one."""
    return all(is_whole(other.unit) for other in _held(gates, partners, spare).values())


def _held(gates: Mapping[str, tuple[Gate, ...]], partners: Partners, spare: Partners) -> dict[Array, Array]:
    return {array: partners.get(array) or partners[spare[array]] for array in _packed(gates, partners, spare)}


def _as_torch(held: Mapping[Array, Array]) -> bool:
    """Whether every array is whole, and every kernel lies as torch has it, gates first."""
    matrices = [(array, other) for array, other in held.items() if array.what[0] == "matrix"]
    return all(is_whole(other.unit) for other in held.values()) and all(
        entry_of(array.unit, other.unit, "").layout == "same" for array, other in matrices
    )


def _packed(gates: Mapping[str, tuple[Gate, ...]], partners: Partners, spare: Partners) -> list[Array]:
    every = [*partners, *(array for array, first in spare.items() if first in partners)]
    return [array for array in every if array.name in gates]
