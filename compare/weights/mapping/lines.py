"""The lines of the map, and what is left over."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from compare.arrays.views import View
from compare.errors import UsageError
from compare.frameworks.models.ports import PortModel
from compare.weights.mapping.complaints import ambiguous, unmatched
from compare.weights.mapping.gates import GRU, HIDDEN, INPUT, Gate, port_gates, spare_biases
from compare.weights.mapping.groups import Group
from compare.weights.mapping.leftovers import guesses
from compare.weights.mapping.line_layout import entry_of
from compare.weights.mapping.match import branches, paired
from compare.weights.mapping.paired import Array, arrays_of, pieces_of
from compare.weights.mapping.plain_layouts import others as other_layouts
from compare.weights.mapping.slots import is_whole
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
    """One side's arrays, in as many pieces as needed so far."""

    walk: Walk
    names: Mapping[str, bool]
    gates: dict[str, tuple[Gate, ...]]
    rules: Mapping[str, Any]
    parted: frozenset[str] = frozenset()

    def arrays(self) -> list[Array]:
        arrays = arrays_of(self.walk, self.names, self.parted, self.gates)
        for array in arrays:
            array.rule = self.rules.get(array.name)
        return arrays

    def part(self, arrays: list[Array]) -> bool:
        """Take those apart that can be; whether there was one."""
        more = {array.name for array in arrays if array.unit.kind and len(pieces_of(array.unit)) > 1} - self.parted
        self.parted |= more
        return bool(more)


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
    while True:
        mine, theirs = reference_side.arrays(), port_side.arrays()
        forced = _forced(user_rules, mine, theirs)
        spare = _spare(mine, theirs) | _summed_whole(mine, theirs, gates)
        free = (
            [array for array in mine if array not in forced and array not in spare],
            [array for array in theirs if array not in forced.values()],
        )
        groups = paired(*free)
        uneven = [group for group in groups if len(group.reference) != len(group.port)]
        parted = reference_side.part([array for group in uneven for array in group.reference])
        if not (port_side.part([array for group in uneven for array in group.port]) or parted):
            break
    ways = branches(groups, *free)
    settled = [_Settled(way, mine, theirs, forced, spare, user_rules) for way in ways]
    if len(ways) == 1:
        return [settled[0].lines()]
    question = ambiguous(next(group for group in groups if group.open))
    return [replace(lines, unproved=lines.unproved or question) for lines in _possible(settled)]


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
        raise raised[0]
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


@dataclass
class _Settled:
    """Groups that no evidence splits any more, on their way to lines."""

    groups: list[Group]
    mine: list[Array]
    theirs: list[Array]
    forced: dict[Array, Array]
    spare: dict[Array, Array]
    user_rules: AppliedRules

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
            lines.notes.append("the port holds each recurrent bias as one where the reference adds two")
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
