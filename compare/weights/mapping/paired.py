"""What is paired: the weights of a side, or pieces of them, each with what its name and its uses say."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from math import prod
from typing import Any

from compare.arrays.arrays import PARAMS
from compare.weights.mapping.atoms import Atom, finest
from compare.weights.mapping.gates import INPUT, Gate, packed
from compare.weights.mapping.names import numbered, words
from compare.weights.mapping.units import ALONG, COMPLEX, OUT, PART_HINTS, SPACE, Factor, Unit
from compare.weights.mapping.walk import Walk

QKV = ("q", "k", "v")  # three layers in one are a query, a key and a value, in this order
PART_WORDS = ("real", "imaginary")
LOOSE = ("table", "scale", "shift", "loose", "unused")


@dataclass(frozen=True)
class Parting:
    """How an array that is several of the other side's is taken apart: its factor ``at``, of that role, into ranges of
    these sizes."""

    role: str
    at: int
    sizes: tuple[int, ...]


@dataclass(eq=False)
class Array:
    """One thing to pair.

    Attributes:
        name: its weight's name; ``unit`` is the weight or the piece of it.
        parent: the layer it belongs to.
        optional: it may stay without a counterpart (a buffer; a leaf outside ``params``).
        words: what its name says; ``numbers`` the words with their numbers.
        tag: which piece it is: a place, or the name of a gate.
        gate: of a recurrent layer's weights: which gate, and of which input.
        ancestors: bit mask of the uses that its first use depends on.
        before, after: the uses next to its own.
        meets: the arrays that are used next, summands apart.
        fate: the functions that its result goes through; ``hints`` how it is used beside its kind.
        group: the number of the group it is in so far.
        rule: the user's rule that speaks of it, with what its stars stand for.
    """

    name: str
    unit: Unit
    parent: str
    optional: bool
    words: frozenset[str]
    numbers: frozenset
    tag: str = ""
    gate: Gate | None = None
    ancestors: int = 0
    before: frozenset[int] = frozenset()
    after: frozenset[int] = frozenset()
    meets: frozenset[str] = frozenset()
    fate: frozenset[str] = frozenset()
    hints: frozenset[str] = frozenset()
    group: int = -1
    rule: Any = None

    @property
    def first(self) -> int:
        """The position of its first use; never used: after all others."""
        return self.unit.uses[0] if self.unit.uses else 1 << 60

    @property
    def what(self) -> tuple:
        """What it is, apart from its name: only equals can be paired."""
        if not self.unit.kind:
            return ("unused", self.unit.shape_in_parts)
        sizes = {role: size for role, size in self.unit.sizes.items() if size > 1}
        kind = self.unit.kind
        if kind == "conv" and not any(role.startswith(SPACE) for role in sizes):
            kind = "matrix"  # a convolution of one point, or one for each of several groups
        gate = [self.gate.source, self.gate.name] if self.gate else []
        return (kind, *sorted(sizes.items()), *gate)

    @property
    def loosely(self) -> tuple | None:
        """What it is where it is used in another way than its counterpart: its shape alone; None of a matrix, and of
        what holds nothing."""
        if 0 in self.unit.shape:
            return None
        sizes = tuple(factor.size for factor in self.unit.factors if factor.size > 1)
        return sizes if (self.unit.kind or "unused") in LOOSE else None


def arrays_of(
    walk: Walk,
    names: Mapping[str, bool],
    parted: frozenset[str] = frozenset(),
    gates: Mapping[str, tuple[Gate, ...]] = {},
    joints: Mapping[str, Parting] = {},
) -> list[Array]:
    """The arrays of one side.

    Args:
        names: of each weight whether it is optional.
        parted: the weights to take apart.
        gates: of a recurrent layer's weights, the gates it holds.
        joints: of arrays that are several of the other side's, how they are taken apart.
    """
    masks: list[int] = []
    for use in walk.uses:
        mask = 0
        for other in use.before:
            mask |= masks[other] | (1 << other)
        masks.append(mask)
    arrays = []
    for name, optional in names.items():
        held = gates.get(name, ())
        units = _units(walk.units[name])
        if name in parted:
            units = [piece for unit in units for piece in pieces_of(unit, len(held))]
        if name in joints:
            units = [piece for unit in units for piece in joint_pieces(unit, joints[name])]
        members = len(joints[name].sizes) if name in joints else 1
        parts = len(units) // members
        for at, unit in enumerate(units):
            array = Array(name, unit, _parent(name), optional, words(name), numbered(name), hints=unit.hints)
            if len(units) > 1:
                three = parts == len(QKV) and not held and not _in_a_row(units, masks)
                array.tag = QKV[at // members] if three else str(at // members)
                if name in joints:  # what is at one place in several joined arrays belongs together
                    place = at % members
                    array.tag = array.tag if parts > 1 else str(place)
                    array.numbers, array.parent = array.numbers | {("", (place,))}, _member(array.parent, place)
                array.words |= {word for word, hint in zip(PART_WORDS, PART_HINTS, strict=True) if hint in unit.hints}
            if held:
                array.gate = held[at] if len(units) == len(held) else packed(held)
                array.parent = array.gate.layer
                if array.gate.layer.endswith("_reverse") and array.gate.source == INPUT:
                    array.hints |= {"reversed"}
            if unit.uses:
                use = walk.uses[unit.uses[0]]
                array.ancestors, array.before = masks[use.position], use.before
                array.after = frozenset(later for mine in unit.uses for later in walk.uses[mine].after)
                array.meets = _met(walk, array.after)
                array.fate = frozenset(use.fate)
            arrays.append(array)
    return arrays


def _in_a_row(units: list[Unit], masks: list[int]) -> bool:
    """Whether pieces are used one after another, as the layers of a stack are: a key does not wait for its query."""
    uses = [unit.uses[0] for unit in units if unit.uses]
    return any(masks[later] >> earlier & 1 for earlier, later in pairwise(uses))


def _met(walk: Walk, after: frozenset[int]) -> frozenset[str]:
    """The arrays that are used next, those apart that are added on the way."""
    met, waiting, seen = set[str](), [*after], set[int]()
    while waiting:
        use = walk.uses[waiting.pop()]
        if use.position in seen:
            continue
        seen.add(use.position)
        if use.unit.kind == "shift":
            waiting += use.after
        else:
            met.add(use.unit.leaf)
    return frozenset(met)


def _units(unit: Unit) -> list[Unit]:
    """The pieces of a weight where the program uses them and not it, and they are all of it; else the weight."""
    used = [part for piece in unit.pieces for part in _in_use(piece)]
    if unit.uses or not used:
        return [unit]
    if len(used) == len(unit.pieces) and sum(map(_unit_entries, used)) == _unit_entries(unit):
        return used
    return [_whole(unit, used[0])]


def _in_use(piece: Unit) -> list[Unit]:
    """The piece, where the program uses it or a part of it."""
    inner = [part for part in piece.pieces if part.uses]
    return [piece] if piece.uses else [_whole(piece, inner[0])] if inner else []


def _whole(unit: Unit, piece: Unit) -> Unit:
    """The weight, or the piece of it, of which the program uses a part (the first positions of a table), with that
    part's roles."""
    alike = len(unit.factors) == len(piece.factors)
    ranges = [(own.size, own.start) if alike else (own.full, 0) for own in (unit if alike else piece).factors]
    factors = [
        replace(part, atom=part.atom if part.size == size else Atom(size), start=start)
        for part, (size, start) in zip(piece.factors, ranges, strict=True)
    ]
    if unit.is_complex:
        factors[-1] = replace(factors[-1], role=COMPLEX)
    return Unit(
        unit.leaf,
        unit.shape,
        factors,
        piece.kind,
        piece.hints,
        piece.uses,
        [],
        unit.position,
        opaque=piece.opaque,
        alike=piece.alike,
        is_complex=unit.is_complex,
    )


def _unit_entries(unit: Unit) -> int:
    return prod(factor.size for factor in unit.factors)


def joint_pieces(unit: Unit, parting: Parting) -> list[Unit]:
    """The unit as the pieces of other arrays that are joined in it."""
    ends = [0, *accumulate(parting.sizes)]
    return [_piece(unit, parting.at, start, stop, number) for number, (start, stop) in enumerate(pairwise(ends))]


def in_parts(factor: Factor) -> list[tuple[int, int]]:
    """The ranges into which the program cuts a factor, or lays it together of; none where they are not all of it."""
    parts = finest([factor.atom])
    inner = factor.size // parts[0].size
    ranges = [(start * inner, stop * inner) for start, stop in sorted(parts[0].cuts)]
    return ranges if _tiles(ranges, factor.size) else []


def pieces_of(unit: Unit, count: int = 0) -> list[Unit]:
    """The unit as the pieces into which the program takes its result apart, or as ``count`` equal ones.

    The unit itself where nothing is known.
    """
    for at, factor in enumerate(unit.factors):
        if factor.role not in (OUT, ALONG, COMPLEX) or factor.size == 1:
            continue
        ranges = in_parts(factor)
        if factor.role == COMPLEX:  # the other side may hold each in an array of its own
            ranges = [(0, 1), (1, 2)]
        if count > 1 and factor.size % count == 0:
            step = factor.size // count
            ranges = [(start, start + step) for start in range(0, factor.size, step)]
        if _tiles(ranges, factor.size):
            return [_piece(unit, at, start, stop, number) for number, (start, stop) in enumerate(ranges)]
        if (inner := _cut_within(factor)) is not None:
            apart = replace(unit, factors=[*unit.factors[:at], *_each(factor), *unit.factors[at + 1 :]])
            ranges = sorted(finest([factor.atom])[inner].cuts)
            return [_piece(apart, at + inner, start, stop, number) for number, (start, stop) in enumerate(ranges)]
    return [unit]


def taken_apart(unit: Unit) -> tuple[int, int] | None:
    """Into how many pieces the program takes a whole unit, and how many entries of the same piece lie together; None
    where it does not."""
    pieces = pieces_of(unit)
    if len(pieces) == 1 or not all(factor.size == factor.full for factor in unit.factors):
        return None
    factors = pieces[0].factors
    at = next(at for at, factor in enumerate(factors) if factor.size != factor.full)
    role = factors[at].role
    return len(pieces), prod(factor.size for factor in factors[at:] if factor.role == role)


def _cut_within(factor: Factor) -> int | None:
    """Which of the atoms of a factor, the first apart, the program takes apart whole: what is packed for each head."""
    atoms = finest([factor.atom])
    whole = factor.size == factor.full and len(atoms) > 1
    return next((at for at, atom in enumerate(atoms) if at and whole and _tiles(sorted(atom.cuts), atom.size)), None)


def _each(factor: Factor) -> list[Factor]:
    """The factor as one for each of its atoms."""
    return [replace(factor, atom=atom, full=atom.size, start=0) for atom in finest([factor.atom])]


def _tiles(ranges: list[tuple[int, int]], size: int) -> bool:
    ends = [0, *(stop for _, stop in ranges)]
    return len(ranges) > 1 and [start for start, _ in ranges] == ends[:-1] and ends[-1] == size


def _piece(unit: Unit, at: int, start: int, stop: int, number: int) -> Unit:
    old = unit.factors[at]
    cut = Factor(Atom(stop - start), old.full, old.start + start, old.role, old.rank, old.flipped)
    factors = [cut if number_ == at else factor for number_, factor in enumerate(unit.factors)]
    hints = unit.hints | ({PART_HINTS[number]} if old.role == COMPLEX else set())
    return replace(unit, factors=factors, hints=hints, pieces=[], position=number, own={})


def _parent(name: str) -> str:
    return name.rpartition("/" if "/" in name else ".")[0]


def _member(parent: str, at: int) -> str:
    """The layers at one place of what is stacked, as one layer around them."""
    mark = "/" if "/" in parent or parent == PARAMS else "."
    collection, _, layer = parent.partition(mark) if mark == "/" else ("", "", parent)
    return mark.join(part for part in (collection, f"#{at}", layer) if part)


def layers_of(array: Array) -> list[str]:
    """What an array belongs to, innermost first: what lies at its place in all that its layer packs, and the layers."""
    own = [f"{array.parent}#{array.tag}"] if array.tag else []
    return [*own, *above(array.parent)]


def above(parent: str) -> list[str]:
    """A layer and the layers that hold it, innermost first; not the model."""
    mark = "/" if "/" in parent else "."
    parts = parent.split(mark)
    first = 2 if mark == "/" else 1  # the collection is no layer
    return [mark.join(parts[:count]) for count in range(len(parts), first - 1, -1)]
