"""The record of a walk: which weights were used, by which operation, and in which role each of their axes."""

from collections.abc import Iterable, Sequence
from math import prod

from compare.weights.mapping.atoms import Atom, axis_of, finest
from compare.weights.mapping.units import COMPLEX, GROUP, Factor, Unit, Use, Value, members, parted


class Record:
    """Weights, their pieces and their uses, in the order in which the program meets them."""

    def __init__(self) -> None:
        self.units: dict[str, Unit] = {}
        self.beside: dict[int, Unit] = {}  # those that met no activation so far
        self.uses: list[Use] = []
        self._values: dict[str, Value] = {}
        self._pieces: dict[tuple[int, int, int, int], Unit] = {}

    def _use(
        self,
        value: Value,
        kind: str,
        roles: dict[int, str],
        beside: Sequence[Value],
        order: Sequence[int] | None = None,
        grouped: int | None = None,
        opaque: bool = False,
        alone: bool = False,
    ) -> set[int]:
        """Note that the program takes ``value`` in; the roles of its axes count at the first use that is not
        ``opaque``: one that does not tell what its axes are; nor ``alone``, beside other weights, where it meets an
        activation later (a matrix that is divided by its norm)."""
        before = frozenset(use for other in beside for use in other.last) | value.last
        nodes = set()
        turned = frozenset({"reversed"} if any(other.flips for other in beside) else ())
        for unit, hints in members(value):
            holder = next((block for block in value.blocks if any(u is unit for u, _ in block.units)), value)
            if unit.beside and not alone:
                unit.uses.clear()
            if not unit.uses or (unit.opaque and not opaque):
                unit.kind, unit.hints, unit.opaque, unit.beside = kind, hints | turned, opaque, alone
                if alone:
                    self.beside[id(unit)] = unit
                else:
                    self.beside.pop(id(unit), None)
                unit.added = holder.added
                roots = [id(atom.root) for one in unit.factors if one.size > 1 for atom in finest([one.atom])]
                unit.alike = len({*roots}) < len(roots)
                self._give_roles(unit, holder, roles, order or range(len(value.shape)), grouped)
            unit.added = unit.added if unit.added == holder.added else None
            use = Use(unit, before, position=len(self.uses))
            self.uses.append(use)
            unit.uses.append(use.position)
            nodes.add(use.position)
        for earlier in before:
            self.uses[earlier].after |= nodes
        return nodes

    def _give_roles(
        self, unit: Unit, value: Value, roles: dict[int, str], order: Iterable[int], grouped: int | None
    ) -> None:
        given: dict[int, tuple[str, int]] = {}
        ranks: dict[str, int] = {}
        for axis in order:
            for number, atom in enumerate(finest(value.axes[axis]) if axis < len(value.axes) else ()):
                role = GROUP if axis == grouped and number == 0 else roles[axis]
                given.setdefault(id(atom.root), (role, ranks.setdefault(role, 0)))
                ranks[role] += 1
        given |= {id(atom.root): (COMPLEX, 0) for atom in finest(value.parts)}
        factors = []
        for factor in unit.factors:
            for atom, part in parted(factor):
                part.role, part.rank = given.get(id(atom.root), ("", 0))
                part.flipped = id(atom.root) in value.flips
                factors.append(part)
        unit.factors = factors

    def _piece(self, value: Value, axis: int, start: int, stop: int) -> Value | None:
        """A range of one axis of a weight nobody has used as a whole; None where it is no piece that a view shows."""
        unit, hints = value.units[0]
        atoms = finest(value.axes[axis])
        inner = prod(atom.size for atom in atoms[1:])
        if unit.uses or not atoms or start % inner or stop % inner:
            return None
        key = (id(unit), id(atoms[0].root), start, stop)
        if key not in self._pieces:
            piece = _part_of(unit, atoms[0], start // inner, stop // inner)
            if piece is None:
                return None
            piece.position = len(unit.pieces)
            unit.pieces.append(piece)
            self._pieces[key] = piece
        piece = self._pieces[key]
        axes = [
            [piece.own[id(atom.root)] for atom in finest(atoms_of_axis) if id(atom.root) in piece.own]
            for atoms_of_axis in value.axes
        ]
        shape = [*value.shape[:axis], stop - start, *value.shape[axis + 1 :]]
        for at, (own, size) in enumerate(zip(axes, shape, strict=True)):
            if prod(atom.size for atom in own) != size:  # an axis of another array, along which it was laid
                axes[at] = axis_of(size)
        parts = tuple(piece.own[id(atom.root)] for atom in finest(value.parts) if id(atom.root) in piece.own)
        return Value(
            tuple(axes),
            tuple(shape),
            ((piece, hints),),
            value.last,
            value.flips,
            value.moving,
            parts=parts,
            added=value.added,
        )


def _part_of(unit: Unit, atom: Atom, start: int, stop: int) -> Unit | None:
    """The unit with one of its factors cut to a range, in atoms of its own."""
    piece = Unit(unit.leaf, unit.shape, [], is_complex=unit.is_complex)
    was_cut = False
    for factor in unit.factors:
        for part, given in parted(factor):
            cut = part.root is atom.root and not was_cut
            was_cut = was_cut or cut
            own = Atom(stop - start if cut else part.size, part.label)
            piece.factors.append(Factor(own, given.full, given.start + start if cut else given.start))
            if own.size > 1:
                piece.own[id(part.root)] = own
    return piece if was_cut else None
