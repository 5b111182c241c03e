"""Groups that no evidence splits any more become the lines of the map, and what is left over."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace

from compare.arrays.views import View
from compare.errors import UsageError
from compare.weights.mapping.complaints import ambiguous, unmatched, untied
from compare.weights.mapping.copies import copies_of, first_used
from compare.weights.mapping.gate_orders import gate_orders, has_two_kernels
from compare.weights.mapping.gates import Gate
from compare.weights.mapping.groups import Group
from compare.weights.mapping.joined_orders import joined_order
from compare.weights.mapping.leftovers import guesses
from compare.weights.mapping.line_layout import entry_of
from compare.weights.mapping.match import TRIED
from compare.weights.mapping.packed_orders import packed_orders, told_by_names
from compare.weights.mapping.paired import Array
from compare.weights.mapping.plain_layouts import others as other_layouts
from compare.weights.mapping.plain_layouts import plain_layouts
from compare.weights.mapping.slots import is_whole
from compare.weights.mapping.user_rules import AppliedRules
from compare.weights.weights import Entry


@dataclass
class Lines:
    """What became of every array.

    Attributes:
        doubts: by place among ``entries`` the other lines that may stand there: nothing tells the axes of that array.
        orders: other lines in the place of all, with gates, or what is packed, in another order; usual: the order of
            ``entries`` is a convention, whose exceptions those are; told: one that the framework has, and names say so.
        unproved: why a line is not to be believed unless both functions agree under the map.
        joined: by the reference's name the lines of arrays that both sides join in another order, were they kept so.
        many: the places of lines whose leaves may be each other's, which are to be told one by one.
    """

    entries: list[Entry] = field(default_factory=list)
    constants: list[str] = field(default_factory=list)
    port_constants: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    doubts: dict[int, list[Entry]] = field(default_factory=dict)
    orders: list[list[Entry]] = field(default_factory=list)
    usual: bool = False
    told: bool = False
    unproved: UsageError | None = None
    joined: Mapping[str, list[Entry]] = field(default_factory=dict)
    many: tuple[int, ...] = ()


@dataclass
class Settled:
    """Groups that no evidence splits any more, on their way to lines."""

    groups: list[Group]
    mine: list[Array]
    theirs: list[Array]
    forced: dict[Array, Array]
    spare: dict[Array, Array]
    user_rules: AppliedRules
    gates: Mapping[str, tuple[Gate, ...]]
    question: UsageError | None = None
    tied: Mapping[str, str] = field(default_factory=dict)
    sized: Mapping[Array, Array] = field(default_factory=dict)  # what nothing but its sizes pairs, in this way
    many: bool = False  # of which there are too many to be tried together

    def lines(self) -> Lines:
        lines = Lines()
        sized = {*self.sized, *self.sized.values()}
        partner = {array: (other, "by rule") for array, other in self.forced.items()}
        for group in self.groups:
            if group.settled:
                reason = group.reasons[-1] if group.reasons else "the only one alike"
                partner[group.reference[0]] = (group.port[0], reason)
        for group in self.groups:
            if not group.settled and group.reference and group.port and not sized.intersection(group.reference):
                required = [array for array in group.reference if not array.optional]
                needed = [array for array in group.port if not array.optional]
                if len(required) == len(needed) == 1:
                    partner[required[0]] = (needed[0], "the only one alike that is not left out")
                    continue
                if (first := first_used(required, needed)) is not None:
                    partner[required[0]] = (first, "the first of those that the reference uses one array for")
                    continue
                if group.open or (required and len(required) == len(group.reference)):
                    raise ambiguous(group)
        for array in self._torn(partner):
            del partner[array]
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
            if array.optional:
                lines.port_constants.append(array.name)
            else:
                self._add_copy(lines, array, partner)
        for array, first in self.spare.items():
            if first in partner:
                line = entry_of(array.unit, partner[first][0].unit, f"the port holds its sum with {first.name}")
                lines.entries.append(replace(line, summed=True))
        if self.spare:
            layers = [[one.name.rpartition(".")[0] for one in both] for both in self.spare.items()]
            kind = "recurrent bias" if all(one == other for one, other in layers) else "bias"
            lines.notes.append(f"the port holds each {kind} as one where the reference adds two")
        partners = {array: other for array, (other, _) in partner.items()}
        usual = {array: other for array, (other, reason) in partner.items() if TRIED not in reason}
        gated, packed = [*gate_orders(self.gates, partners, self.spare)], [*packed_orders(usual)]
        for by_name in (*gated, *packed):
            plain = [entry for entry in lines.entries if entry.reference not in by_name]
            lines.orders.append([*plain, *(line for some in by_name.values() for line in some)])
        own_order = bool(gated) and not has_two_kernels(self.gates, partners, self.spare)
        lines.usual = bool(packed or gated) and not own_order
        lines.told = lines.usual and told_by_names(usual)
        lines.joined = joined_order(partners)
        return lines

    def _add_copy(self, lines: Lines, left: Array, partner: Mapping[Array, tuple[Array, str]]) -> None:
        """The lines of a leaf that may be one more of an array which has its leaf already.

        Raises:
            UsageError: it can be none.
        """
        shapes = {array.name: array.unit.shape for array in self.mine}
        question = untied(unmatched(left, "the port", self.mine, set(partner)), self.tied, shapes)
        copies = copies_of(left, partner)
        if not copies:
            raise question
        sure = len(copies) == 1 and copies[0].reference in self.tied.values()
        lines.unproved = lines.unproved or (None if sure else question)
        if copies[1:]:
            lines.doubts[len(lines.entries)] = copies[1:]
        lines.entries.append(copies[0])

    def _torn(self, partner: Mapping[Array, tuple[Array, str]]) -> list[Array]:
        """The pieces that are paired of two arrays whose other pieces are not, on either side: then the arrays are
        taken whole, or not at all."""
        others = {other: array for array, (other, _) in partner.items()}

        def torn(side: Sequence[Array], paired: Container[Array]) -> set[str]:
            left = {array.name for array in side if array not in paired and array not in self.spare}
            return {array.name for array in side if array in paired and array.name in left}

        mine, theirs = torn(self.mine, partner), torn(self.theirs, others)
        pairs = {(array.name, other.name) for array, (other, _) in partner.items()}
        alone = {
            (own, its)
            for own, its in pairs
            if own in mine and its in theirs and sum(own == one or its == other for one, other in pairs) == 1
        }
        return [array for array, (other, _) in partner.items() if (array.name, other.name) in alone]

    def _guessed(self, lines: Lines, partner: Mapping[Array, object], taken: Container[Array]) -> set[str]:
        """The names of both sides that one name or the sizes bring together; their lines are added."""
        settled = {array.name for array in self.mine if array in partner or array in self.spare}
        settled |= {array.name for array in self.theirs if array in taken}
        mine, theirs = (
            {array.name: array.unit.shape for array in side if array.name not in settled and not array.unit.is_complex}
            for side in (self.mine, self.theirs)
        )
        required = {array.name for array in (*self.mine, *self.theirs) if not array.optional}
        names = self._sized(lines)
        mine, theirs = ({name: shape for name, shape in side.items() if name not in names} for side in (mine, theirs))
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

    def _sized(self, lines: Lines) -> set[str]:
        """The names of both sides that this way pairs by their sizes; their lines are added."""
        for array, other in self.sized.items():
            first, *others = plain_layouts(
                array.name, array.unit.shape, other.name, other.unit.shape, "one of its sizes, tried"
            )
            if self.many:
                lines.many = (*lines.many, len(lines.entries))
            elif others:
                lines.doubts[len(lines.entries)] = others
            lines.entries.append(first)
        return {array.name for both in self.sized.items() for array in both}

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


def possible(ways: Sequence[Settled]) -> list[Lines]:
    """The lines of each way that leads to some; those of a way that leaves a question open are unproved.

    Raises:
        UsageError: none does; what the first, the likeliest, complains of.
    """
    out: list[Lines] = []
    raised: list[UsageError] = []
    for way in ways:
        try:
            lines = way.lines()
        except UsageError as error:
            raised.append(error)
        else:
            out.append(replace(lines, unproved=lines.unproved or way.question))
    if not out:
        raise raised[0]
    return out
