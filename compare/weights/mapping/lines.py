"""The lines of the map, and what is left over."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from compare.arrays.views import View
from compare.errors import UsageError
from compare.frameworks.models.ports import PortModel
from compare.weights.mapping.complaints import ambiguous, unmatched
from compare.weights.mapping.gates import GRU, HIDDEN, INPUT, Gate, port_gates, spare_biases
from compare.weights.mapping.groups import Group
from compare.weights.mapping.joints import Joint, joint
from compare.weights.mapping.leftovers import guesses
from compare.weights.mapping.line_layout import entry_of
from compare.weights.mapping.match import branches, paired
from compare.weights.mapping.paired import Array, Parting, arrays_of, pieces_of
from compare.weights.mapping.plain_layouts import others as other_layouts
from compare.weights.mapping.slots import is_whole
from compare.weights.mapping.units import IN
from compare.weights.mapping.user_rules import AppliedRules, Rules, applied
from compare.weights.mapping.walk import Walk
from compare.weights.weights import Entry


@dataclass
class Lines:
    """What became of every array.

    Attributes:
        doubts: by place among ``entries`` the other lines that may stand there: nothing tells the axes of that array.
        unproved: why a line is not to be believed unless both functions agree under the map.
    """

    entries: list[Entry] = field(default_factory=list)
    constants: list[str] = field(default_factory=list)
    port_constants: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    doubts: dict[int, list[Entry]] = field(default_factory=dict)
    unproved: UsageError | None = None


@dataclass
class _SidePieces:
    """One side's arrays, in as many pieces as needed so far.

    Attributes:
        joints: how those are taken apart that are several of the other side's.
        added: by layer of such an array, the layers of the other side whose results are added in its.
    """

    walk: Walk
    names: Mapping[str, bool]
    gates: dict[str, tuple[Gate, ...]]
    rules: Mapping[str, Any]
    parted: frozenset[str] = frozenset()
    joints: Mapping[str, Parting] = field(default_factory=dict)
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
        layers = frozenset(array.parent for array in found.parts)
        added = {array.parent: layers for array in found.whole if found.role == IN and len(found.whole) == 1}
        for parting in found.partings:
            joints = {**self.joints, **{array.name: parting for array in found.whole}}
            yield replace(self, joints=joints, added={**self.added, **added})


def lines_of(
    reference: Walk,
    names: Mapping[str, bool],
    port: Walk,
    leaves: Mapping[str, bool],
    rules: Rules,
    gates: Mapping[str, tuple[Gate, ...]],
    model: PortModel,
) -> list[Lines]:
    """Pair the arrays; what cannot be paired whole is taken apart where the programs take its result apart.

    Args:
        names, leaves: of each array whether it may stay without a counterpart.

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
    settled = _settled(reference_side, port_side, user_rules, gates)
    if len(settled) == 1:
        return [settled[0].lines()]
    possible = _possible(settled)
    question = next((way.question for way in settled if way.question), None)
    return [replace(lines, unproved=lines.unproved or question) for lines in possible]


def _settled(
    reference: _SidePieces, port: _SidePieces, user_rules: AppliedRules, gates: Mapping[str, tuple[Gate, ...]]
) -> "list[_Settled]":
    """Every way to pair what there is, the likeliest first."""
    while True:
        mine, theirs = reference.arrays(), port.arrays()
        forced = _forced(user_rules, mine, theirs)
        spare = _spare(mine, theirs) | _summed_whole(mine, theirs, gates) | _summed_inputs(mine, theirs, port.added)
        free = (
            [array for array in mine if array not in forced and array not in spare],
            [array for array in theirs if array not in forced.values()],
        )
        groups = paired(*free)
        uneven = [group for group in groups if len(group.reference) != len(group.port)]
        parted = reference.part([array for group in uneven for array in group.reference])
        if not (port.part([array for group in uneven for array in group.port]) or parted):
            break
    question = next((ambiguous(group) for group in groups if group.open), None)
    plain = [_Settled(way, mine, theirs, forced, spare, user_rules, question) for way in branches(groups, *free)]
    left = [array for group in uneven for array in (*group.reference, *group.port)]
    here, there = (_in_order(left, side) for side in _unnamed(mine, theirs, left))
    # Whether the whole is several, or those are one that no evidence pairs, both functions tell.
    if found := joint(there, here):
        return [way for one in port.apart(found) for way in _settled(reference, one, user_rules, gates)] + plain
    if found := joint(here, there):
        return [way for one in reference.apart(found) for way in _settled(one, port, user_rules, gates)] + plain
    return plain


def _in_order(left: Sequence[Array], side: Container[Array]) -> list[Array]:
    return sorted((array for array in left if array in side), key=lambda array: array.first)


def _unnamed(mine: list[Array], theirs: list[Array], left: Container[Array]) -> tuple[set[Array], set[Array]]:
    """Those of both sides that do not have the other's name and shape."""
    shapes = [
        {array.name: array.unit.shape for array in side if array in left and not array.unit.is_complex}
        for side in (mine, theirs)
    ]
    named = {name for one in guesses(*shapes) if one.sure for name in (one.lines[0].reference, one.lines[0].port)}
    here, there = ({array for array in side if array.name not in named} for side in (mine, theirs))
    return here, there


def _possible(ways: "list[_Settled]") -> list[Lines]:
    """The lines of each way that leads to some."""
    out: list[Lines] = []
    raised: list[UsageError] = []
    for way in ways:
        try:
            out.append(way.lines())
        except UsageError as error:
            raised.append(error)
    if not out:
        raise raised[-1]
    return out


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


def _spare(mine: list[Array], theirs: list[Array]) -> dict[Array, Array]:
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


def _summed_whole(mine: list[Array], theirs: list[Array], gates: Mapping[str, tuple[Gate, ...]]) -> dict[Array, Array]:
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


def _summed_inputs(mine: list[Array], theirs: list[Array], added: Mapping[str, frozenset[str]]) -> dict[Array, Array]:
    """The biases of layers that the port holds as one over all their inputs: it has their sum."""
    summed: dict[Array, Array] = {}
    for layer, layers in added.items():
        biases = [array for array in theirs if array.parent == layer and array.what[0] == "shift"]
        if len(biases) != 1:
            continue
        first, *others = [array for array in mine if array.parent in layers and array.what == biases[0].what] or biases
        summed |= dict.fromkeys(others, first)
    return summed


@dataclass
class _Settled:
    """Groups that no evidence splits any more, on their way to lines."""

    groups: list[Group]
    mine: list[Array]
    theirs: list[Array]
    forced: dict[Array, Array]
    spare: dict[Array, Array]
    user_rules: AppliedRules
    question: UsageError | None = None

    def lines(self) -> Lines:
        lines = Lines()
        partner = {array: (other, "by rule") for array, other in self.forced.items()}
        for group in self.groups:
            if group.settled:
                reason = group.reasons[-1] if group.reasons else "the only one alike"
                partner[group.reference[0]] = (group.port[0], reason)
        for group in self.groups:
            if not group.settled and group.reference and group.port:
                required = [array for array in group.reference if not array.optional]
                if group.open or (required and len(required) == len(group.reference)):
                    raise ambiguous(group)
        taken = {other for other, _ in partner.values()}
        guessed = self._guessed(lines, partner, taken)
        for array in self.mine:
            if array in partner:
                self._add(lines, array, *partner[array])
            elif array.name in guessed or (array in self.spare and self.spare[array] in partner):
                continue
            elif array.optional:
                lines.constants.append(array.name)
            else:
                raise unmatched(array, "the reference", self.theirs, taken)
        for array in self.theirs:
            if array in taken or array.name in guessed:
                continue
            if not array.optional:
                raise unmatched(array, "the port", self.mine, set(partner))
            lines.port_constants.append(array.name)
        for array, first in self.spare.items():
            if first in partner:
                line = entry_of(array.unit, partner[first][0].unit, f"the port holds its sum with {first.name}")
                lines.entries.append(replace(line, summed=True))
        if self.spare:
            kind = "recurrent bias" if any(array.gate for array in self.mine) else "bias"
            lines.notes.append(f"the port holds each {kind} as one where the reference adds two")
        return lines

    def _guessed(self, lines: Lines, partner: Mapping[Array, object], taken: Container[Array]) -> set[str]:
        """The names of both sides that one name or the sizes bring together; their lines are added."""
        settled = {array.name for array in self.mine if array in partner or array in self.spare}
        settled |= {array.name for array in self.theirs if array in taken}
        mine, theirs = (
            {array.name: array.unit.shape for array in side if array.name not in settled and not array.unit.is_complex}
            for side in (self.mine, self.theirs)
        )
        required = {array.name for array in (*self.mine, *self.theirs) if not array.optional}
        names: set[str] = set()
        for guess in guesses(mine, theirs):
            first, *others = guess.lines
            own, other = first.reference, first.port
            if not guess.sure and not {own, other} <= required:
                continue
            if not guess.sure:
                array = next(array for array in self.mine if array.name == own)
                lines.unproved = lines.unproved or unmatched(array, "the reference", self.theirs, taken)
            if others:
                lines.doubts[len(lines.entries)] = others
            lines.entries.append(first)
            names |= {own, other}
        return names

    def _add(self, lines: Lines, array: Array, other: Array, reason: str) -> None:
        line = self._line(array, other, reason)
        units = (array.unit, other.unit)
        kinds = {array.what[0], other.what[0]}
        told = len(kinds) == 1 and array.unit.told and other.unit.told
        by_user = self.user_rules.pairs.get(array.name, ("", None))[1] is not None
        real = all(is_whole(unit) and not unit.is_complex for unit in units)
        if not told and not by_user and real and "unused" not in kinds:
            doubts = other_layouts(line, array.unit.shape, other.unit.shape)
            if doubts:
                lines.doubts[len(lines.entries)] = doubts
        lines.entries.append(line)

    def _line(self, array: Array, other: Array, reason: str) -> Entry:
        axes = self.user_rules.pairs.get(array.name, ("", None))[1]
        if axes is not None:
            return Entry(array.name, other.name, View((("transpose", axes),)), reason="by rule")
        return entry_of(array.unit, other.unit, reason)
