"""What enters a walk, and the views of it: an axis keeps its atoms wherever a program puts it."""

from collections.abc import Iterable, Sequence

from compare.weights.mapping.atoms import Atom, Axis, axis_of, finest, regroup, relate, tie
from compare.weights.mapping.units import PART_HINTS, Factor, Unit, Value, note_cut, squeezed, with_
from compare.weights.mapping.uses import Record


class Shaping(Record):
    """A record of uses that also makes values, and shows them in other shapes."""

    def weight(self, name: str, shape: Sequence[int], is_complex: bool = False) -> Value:
        """A weight or buffer: the same value at each call."""
        if name not in self._values:
            axes = [axis_of(size) for size in shape]
            parts = tuple(axis_of(2)) if is_complex else ()
            factors = [Factor(atom, atom.size) for axis in (*axes, parts) for atom in axis]
            self.units[name] = Unit(name, tuple(shape), factors, is_complex=is_complex)
            self._values[name] = Value(tuple(axes), tuple(shape), ((self.units[name], frozenset()),), parts=parts)
        return self._values[name]

    def input(self, shape: Sequence[int]) -> Value:
        return Value(tuple(axis_of(size) for size in shape), tuple(shape), moving=True)

    def constant(self, shape: Sequence[int], number: float | None = None) -> Value:
        return Value(tuple(axis_of(size) for size in shape), tuple(shape), number=number)

    def permute(self, value: Value, order: Sequence[int]) -> Value:
        blocks = tuple(self.permute(block, order) for block in value.blocks)
        turned = value.like([value.axes[axis] for axis in order], [value.shape[axis] for axis in order])
        return with_(turned, blocks=blocks)

    def reshape(self, value: Value, shape: Sequence[int]) -> Value:
        if tuple(shape) == value.shape:
            return value
        atoms = [atom for axis in value.axes for atom in axis]
        reshaped = value.like(regroup(atoms, shape), shape)
        return with_(reshaped, blocks=tuple(squeezed(block, value.shape, shape) for block in value.blocks))

    def in_parts(self, value: Value, shape: Sequence[int]) -> Value:
        """Complex numbers as their real and imaginary parts, along a new last axis."""
        parts = list(value.parts) or axis_of(2)
        return with_(value, axes=(*value.axes, parts), shape=tuple(shape), parts=())

    def of_parts(self, value: Value, shape: Sequence[int]) -> Value:
        """The complex numbers of which a value has the parts, along its last axis."""
        parts = tuple(finest(value.axes[-1])) if value.weighs else ()
        return with_(value, axes=value.axes[:-1], shape=tuple(shape), parts=parts)

    def part(self, value: Value, which: int) -> Value:
        """The real part (0) or the imaginary part (1) of a view of a weight."""
        told = tuple(one for one in value.units if PART_HINTS[which] in one[1])
        if told:  # made of its parts before
            return with_(value, units=told, parts=())
        rank = len(value.shape)
        both = self.in_parts(value, (*value.shape, 2))
        return self.reshape(self.cut(both, rank, which, which + 1), value.shape)

    def broadcast(self, value: Value, shape: Sequence[int], axes: Sequence[int]) -> Value:
        """Axis i of the value becomes axis ``axes[i]`` of ``shape``."""
        new = [axis_of(size) for size in shape]
        for own, axis in enumerate(axes):
            if value.shape[own] == shape[axis]:
                new[axis] = value.axes[own]
            elif value.shape[own] > 1 and shape[axis] % value.shape[own] == 0:  # repeated as a whole
                new[axis] = [Atom(shape[axis] // value.shape[own]), *value.axes[own]]
        return value.like(new, shape)

    def cut(self, value: Value, axis: int, start: int, stop: int, step: int = 1) -> Value:
        """A range of an axis; of a weight it is a piece."""
        size = stop - start if step == 1 else -(-(stop - start) // step)
        shape = [*value.shape[:axis], size, *value.shape[axis + 1 :]]
        if size == value.shape[axis]:
            return value
        if step > 1 and value.shape[axis] == size * step and start < step and self._is_whole(value.axes[axis]):
            # Every so manieth entry is one of so many in each run of the axis. Within a head it is not: who rotates
            # neighbours where the other side rotates halves has, on the same weights, another function.
            runs = self.reshape(value, [*value.shape[:axis], size, step, *value.shape[axis + 1 :]])
            return self.reshape(self.cut(runs, axis + 1, start, start + 1), shape)
        if step == 1 and (piece := self._piece_of_each(value, axis, start, stop)):
            return piece
        note_cut(value.axes[axis], start, stop)
        axes = [*value.axes[:axis], axis_of(size), *value.axes[axis + 1 :]]
        relate(value.axes[axis], axes[axis])
        return value.like(axes, shape)

    def _is_whole(self, axis: Axis) -> bool:
        """Whether an axis is no factor of a larger one that a weight has."""
        own = {atom.root for atom in finest(axis)}
        factors = [factor for unit in self.units.values() for factor in unit.factors]
        return not any(own < {atom.root for atom in finest([factor.atom])} for factor in factors)

    def _piece_of_each(self, value: Value, axis: int, start: int, stop: int) -> Value | None:
        """The piece of a weight, or those of two that are the parts of complex numbers; None where one is no piece."""
        if len(value.units) != 1 and not any(hint in hints for _, hints in value.units for hint in PART_HINTS):
            return None
        pieces: list[Value] = []
        for one in value.units:
            piece = self._piece(with_(value, units=(one,)), axis, start, stop)
            if piece is None:
                return None
            pieces.append(piece)
        first, *others = pieces
        for other in others:
            for own, same in zip(first.axes, other.axes, strict=True):
                tie(own, same)
        return with_(first, units=tuple(unit for piece in (first, *others) for unit in piece.units))

    def flip(self, value: Value, axes: Iterable[int]) -> Value:
        turned = {id(atom.root) for axis in axes for atom in finest(value.axes[axis])}
        return with_(value, flips=value.flips ^ turned)

    def backwards(self, value: Value) -> Value:
        """A step of a sequence that is walked from its end."""
        return with_(value, flips=value.flips | {0})
