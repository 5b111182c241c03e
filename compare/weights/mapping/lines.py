"""The arrays of both sides are paired, taken apart as far as that needs: every way to do so, as lines of a map."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from compare.errors import UsageError
from compare.frameworks.models.ports import PortModel
from compare.weights.mapping.complaints import ambiguous
from compare.weights.mapping.gates import Gate, port_gates
from compare.weights.mapping.groups import Group
from compare.weights.mapping.joined_orders import joined_otherwise
from compare.weights.mapping.joints import Joint, joint
from compare.weights.mapping.leftovers import guesses
from compare.weights.mapping.match import branches, paired
from compare.weights.mapping.paired import Array, Parting, arrays_of, pieces_of, taken_apart
from compare.weights.mapping.settled import Lines, Settled, possible
from compare.weights.mapping.sums import spare_of, summed_inputs, summed_whole
from compare.weights.mapping.units import IN
from compare.weights.mapping.unlike import unlike
from compare.weights.mapping.user_rules import AppliedRules, Rules, applied
from compare.weights.mapping.walk import Walk


@dataclass
class _SidePieces:
    """One side's arrays, in as many pieces as needed so far.

    Attributes:
        joints: how those are taken apart that are several of the other side's.
        layers: by layer of such an array, the layers of the other side that it is.
        added: the same of those whose results are added in its.
    """

    walk: Walk
    names: Mapping[str, bool]
    gates: dict[str, tuple[Gate, ...]]
    rules: Mapping[str, Any]
    parted: frozenset[str] = frozenset()
    joints: Mapping[str, Parting] = field(default_factory=dict)
    layers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    added: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def arrays(self) -> list[Array]:
        arrays = arrays_of(self.walk, self.names, self.parted, self.gates, self.joints)
        for array in arrays:
            array.rule = self.rules.get(array.name)
        return arrays

    def part(self, arrays: list[Array]) -> bool:
        """Take those apart that can be; whether there was one."""
        more = {array.name for array in arrays if array.unit.kind and len(pieces_of(array.unit)) > 1} - self.parted
        self.parted |= more
        return bool(more)

    def apart(self, found: Joint) -> "Iterator[_SidePieces]":
        """This side with the joined arrays taken apart, in each way that is possible."""
        parts = frozenset(array.parent for array in found.parts)
        layers = {array.parent: parts for array in found.whole if len(found.whole) == 1}
        added = layers if found.role == IN else {}
        for parting in found.partings:
            joints = {**self.joints, **{array.name: parting for array in found.whole}}
            yield replace(self, joints=joints, layers={**self.layers, **layers}, added={**self.added, **added})


def lines_of(
    reference: Walk,
    names: Mapping[str, bool],
    port: Walk,
    leaves: Mapping[str, bool],
    rules: Rules,
    gates: Mapping[str, tuple[Gate, ...]],
    model: PortModel,
    tied: Mapping[str, str] = {},
) -> list[Lines]:
    """Pair the arrays; what cannot be paired whole is taken apart where the programs take its result apart.

    Args:
        names, leaves: of each array whether it may stay without a counterpart.
        tied: further names of the reference's arrays, and their first.

    Returns:
        One for each way in which the arrays may be paired: several, all ``unproved``, where no evidence tells.

    Raises:
        UsageError: something stays unpaired, or ambiguous in too many ways, or a rule matches nothing.
    """
    user_rules = applied(rules, names, leaves)
    reference_side, port_side = _gates_parted(
        _SidePieces(reference, names, dict(gates), user_rules.reference),
        _SidePieces(port, leaves, port_gates(leaves, model.modules), user_rules.port),
    )
    ways = [replace(way, tied=tied) for way in _settled(reference_side, port_side, user_rules, gates)]
    try:
        return possible(ways)
    except UsageError as error:
        more = [one for way in ways for one in unlike(way, error)]
        if not more:
            raise
        return possible(more)


def _settled(
    reference: _SidePieces, port: _SidePieces, user_rules: AppliedRules, gates: Mapping[str, tuple[Gate, ...]]
) -> list[Settled]:
    """Every way to pair what there is, the likeliest first."""
    parted_before, left_whole = (reference.parted, port.parted), list[Array]()
    while True:
        mine, theirs = reference.arrays(), port.arrays()
        forced = _forced(user_rules, mine, theirs)
        spare = spare_of(mine, theirs) | summed_whole(mine, theirs, gates)
        spare |= summed_inputs(mine, theirs, port.added, spare)
        free = (
            [array for array in mine if array not in forced and array not in spare],
            [array for array in theirs if array not in forced.values()],
        )
        groups = paired(*free)
        uneven = [group for group in groups if len(group.reference) != len(group.port)]
        left = [array for group in uneven for array in (*group.reference, *group.port)]
        left_whole = left_whole or left
        if unlike := _packed_unlike(groups):
            reference.parted |= {one.name for one, _ in unlike}
            port.parted |= {other.name for _, other in unlike}
            continue
        parted = reference.part([array for group in uneven for array in group.reference])
        if not (port.part([array for group in uneven for array in group.port]) or parted):
            break
    question = next((ambiguous(group) for group in groups if group.open), None)
    plain = [Settled(way, mine, theirs, forced, spare, user_rules, gates, question) for way in branches(groups, *free)]
    # Whether the whole is several, or those are one that no evidence pairs, both functions tell.
    for some in (left, left_whole if any(not array.optional for array in left) else []):
        here, there = _unnamed(some, reference.names, port.names)
        if found := joint(there, here, port.layers):
            sides = [(reference, one) for one in port.apart(found)]
        elif found := joint(here, there, reference.layers):
            sides = [(one, port) for one in reference.apart(found)]
        else:
            continue
        if some is left_whole:
            before, before_there = parted_before
            sides = [(replace(one, parted=before), replace(other, parted=before_there)) for one, other in sides]
        return [way for one, other in sides for way in _settled(one, other, user_rules, gates)] + plain
    return plain


def _packed_unlike(groups: Sequence[Group]) -> list[tuple[Array, Array]]:
    """The pairs of arrays that both programs take apart into as many pieces, of which one has them one after another
    and the other anew for each head, or each entry; not those whose parts are the same in another order."""
    settled = [(group.reference[0], group.port[0]) for group in groups if group.settled]
    pairs = [(one, other) for one, other in settled if joined_otherwise(one.unit, other.unit) is None]
    cuts = [(taken_apart(one.unit), taken_apart(other.unit)) for one, other in pairs]
    return [
        pair
        for pair, (here, there) in zip(pairs, cuts, strict=True)
        if here is not None and there is not None and here != there and here[0] == there[0]
    ]


def _unnamed(left: Sequence[Array], names: Container[str], leaves: Container[str]) -> tuple[list[Array], list[Array]]:
    """Those left over of both sides, in the order of use, that do not have the other's name and shape."""
    sides = [[array for array in left if array.name in every] for every in (names, leaves)]
    shapes = [{array.name: array.unit.shape for array in side if not array.unit.is_complex} for side in sides]
    named = {name for one in guesses(*shapes) if one.sure for name in (one.lines[0].reference, one.lines[0].port)}
    here, there = (
        sorted((array for array in side if array.name not in named), key=lambda array: array.first) for side in sides
    )
    return here, there


def _gates_parted(reference: _SidePieces, port: _SidePieces) -> tuple[_SidePieces, _SidePieces]:
    """Packed gates are taken apart where the port has one of them apart; where it has none, they say nothing."""
    single = {(gates[0].name, gates[0].bias) for gates in port.gates.values() if len(gates) == 1}
    known = {gate.name for gates in port.gates.values() for gate in gates}
    reference.gates = {name: gates for name, gates in reference.gates.items() if gates[0].name in known}
    reference.parted, port.parted = (
        frozenset(
            name
            for name, gates in side.gates.items()
            if len(gates) > 1 and single & {(gate.name, gate.bias) for gate in gates}
        )
        for side in (reference, port)
    )
    mine = {gate.name for gates in reference.gates.values() for gate in gates}
    port.gates = {name: gates for name, gates in port.gates.items() if gates[0].name in mine}
    return reference, port


def _forced(user_rules: AppliedRules, mine: list[Array], theirs: list[Array]) -> dict[Array, Array]:
    by_name = {array.name: array for array in theirs}
    return {array: by_name[user_rules.pairs[array.name][0]] for array in mine if array.name in user_rules.pairs}
