"""The reference's biases that the port holds in a sum only: each with the one that it is added to."""

from collections.abc import Mapping
from dataclasses import replace

from compare.weights.mapping.gates import GRU, HIDDEN, INPUT, Gate, spare_biases
from compare.weights.mapping.paired import Array


def spare_of(mine: list[Array], theirs: list[Array]) -> dict[Array, Array]:
    """The biases that the port holds in a sum only, each with the one it is added to."""
    theirs_gates = [array.gate for array in theirs if array.gate]
    named = {f"{at}": array for at, array in enumerate(mine) if array.gate}
    sources = spare_biases([(at, array.gate) for at, array in named.items() if array.gate], theirs_gates)
    summed: dict[Array, Array] = {}
    for at, source in sources.items():
        spare = named[at]
        for partner in mine:
            if spare.gate and partner.gate == replace(spare.gate, source=source):
                summed[spare] = partner
    return summed


def summed_whole(mine: list[Array], theirs: list[Array], gates: Mapping[str, tuple[Gate, ...]]) -> dict[Array, Array]:
    """The same where the port packs its gates as torch does, in arrays of its own: one bias for each two."""
    summed: dict[Array, Array] = {}
    named = {array.name: array for array in mine if array.gate is None}
    for name, held in gates.items():
        first, second = named.get(name), named.get(name.replace(f"_{INPUT}", f"_{HIDDEN}"))
        if first is not None and second not in (None, first) and held[0].bias and len(held) != len(GRU):
            assert second is not None
            summed[second] = first
    alike = {array.what for array in summed}
    count = sum(array.what in alike for array in theirs)
    every = sum(array.what in alike for array in mine)
    return summed if every == 2 * len(summed) and count == len(summed) else {}


def summed_inputs(
    mine: list[Array], theirs: list[Array], added: Mapping[str, frozenset[str]], known: Mapping[Array, Array] = {}
) -> dict[Array, Array]:
    """The biases of layers that the port holds as one over all their inputs: it has their sum; nothing where the sums
    are ``known``, of recurrent layers."""
    summed: dict[Array, Array] = {}
    for layer, layers in added.items() if not known else ():
        biases = [array for array in theirs if array.parent == layer and array.what[0] == "shift"]
        if len(biases) != 1:
            continue
        first, *others = [array for array in mine if array.parent in layers and array.what == biases[0].what] or biases
        summed |= dict.fromkeys(others, first)
    return summed
