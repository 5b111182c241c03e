"""The common form of both traces: a few kinds of operation, and what each says of the arrays that enter it.

Each side's tracer replays its program here. A value that is still a view of a weight carries that weight's name; the
first operation that mixes it with an activation is its *use*, and gives every axis of the weight its role: contracted
(``in``), surviving (``out``), ``space``, ``along`` an activation. Uses form a graph: one depends on those whose
results reach it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from compare.weights.mapping.atoms import Atom, Axis, axis_of, finest, regroup, relate, tie
from compare.weights.mapping.units import (
    ALONG,
    GROUP,
    IN,
    OUT,
    SPACE,
    Factor,
    Unit,
    Value,
    entries,
    members,
    note_cut,
    squeezed,
    with_,
)
from compare.weights.mapping.uses import Record

FATES = {"sigmoid": "sigmoid", "tanh": "tanh", "exp": "exp", "softmax": "exp", "erf": "erf", "silu": "sigmoid"}
KINDS = {"mul": "scale", "div": "scale", "add": "shift", "sub": "shift"}
HINTS = ("rsqrt", "sub")


class Walk(Record):
    """Replays one program; its tracer calls a method for each operation."""

    # What enters

    def weight(self, name: str, shape: Sequence[int]) -> Value:
        """A weight or buffer: the same value at each call."""
        if name not in self._values:
            axes = [axis_of(size) for size in shape]
            factors = [Factor(atom, atom.size) for axis in axes for atom in axis]
            self.units[name] = Unit(name, tuple(shape), factors)
            self._values[name] = Value(tuple(axes), tuple(shape), ((self.units[name], frozenset()),))
        return self._values[name]

    def input(self, shape: Sequence[int]) -> Value:
        return Value(tuple(axis_of(size) for size in shape), tuple(shape), moving=True)

    def constant(self, shape: Sequence[int]) -> Value:
        return Value(tuple(axis_of(size) for size in shape), tuple(shape))

    # Views

    def permute(self, value: Value, order: Sequence[int]) -> Value:
        blocks = tuple(self.permute(block, order) for block in value.blocks)
        seen = value.like([value.axes[axis] for axis in order], [value.shape[axis] for axis in order])
        return with_(seen, blocks=blocks)

    def reshape(self, value: Value, shape: Sequence[int]) -> Value:
        if tuple(shape) == value.shape:
            return value
        atoms = [atom for axis in value.axes for atom in axis]
        seen = value.like(regroup(atoms, shape), shape)
        return with_(seen, blocks=tuple(squeezed(block, value.shape, shape) for block in value.blocks))

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
        if len(value.units) == 1 and step == 1 and (piece := self._piece(value, axis, start, stop)):
            return piece
        note_cut(value.axes[axis], start, stop)
        axes = [*value.axes[:axis], axis_of(size), *value.axes[axis + 1 :]]
        relate(value.axes[axis], axes[axis])
        return value.like(axes, shape)

    def flip(self, value: Value, axes: Iterable[int]) -> Value:
        turned = {id(atom.root) for axis in axes for atom in finest(value.axes[axis])}
        return with_(value, flips=value.flips ^ turned)

    def backwards(self, value: Value) -> Value:
        """A step of a sequence that is walked from its end."""
        return with_(value, flips=value.flips | {0})

    def concatenate(self, values: Sequence[Value], axis: int, shape: Sequence[int]) -> Value:
        weights = [value for value in values if value.units and not value.moving]
        if len(weights) == len(values) and len(values) > 1:
            axes = [axis_of(size) if at == axis else values[0].axes[at] for at, size in enumerate(shape)]
            return Value(tuple(axes), tuple(shape), blocks=tuple(values))
        others = [value for value in values if value not in weights]
        for value in weights:
            self._use(value, "loose", dict.fromkeys(range(len(shape)), ALONG), others)
        joined = self._mixed(values, [], shape)
        axes = [axis_of(size) if at == axis else others[0].axes[at] for at, size in enumerate(shape)]
        for value in values:
            for at in range(len(shape)):
                if at != axis:
                    tie(axes[at], value.axes[at])
            relate(axes[axis], value.axes[axis])
        return with_(joined, axes=tuple(axes), last=joined.last | self._last_of(weights))

    # Operations

    def elementwise(self, name: str, values: Sequence[Value], shape: Sequence[int]) -> Value:
        """One result entry from one entry of each value, after broadcasting from the right."""
        wide = [self._widened(value, shape) for value in values]
        weights = [value for value in wide if self._weighs(value) and not value.moving]
        moving = [value for value in wide if value.moving]
        if weights and moving:
            return self._apply(name, weights, moving, shape)
        whole = [value for value in weights if entries(value) == max(map(entries, weights))]
        if not whole:
            result = self._mixed(wide, wide, shape)
            if name in FATES:
                for use in result.last:
                    self.uses[use].fate.add(FATES[name])
            return result
        for value in weights:  # weights alone: a length times a direction, a variance and its scale
            if entries(value) < entries(whole[0]):
                self._use(value, KINDS.get(name, "loose"), dict.fromkeys(range(len(shape)), ALONG), [])
        first = whole[0]
        for value in whole[1:]:
            self._lay(first, value)
        hint = frozenset({name} if name in HINTS else ())
        units = {id(unit): (unit, hints | hint) for value in whole for unit, hints in value.units}
        return with_(first, units=tuple(units.values()), blocks=tuple(b for value in whole for b in value.blocks))

    def reduce(self, value: Value, axes: Iterable[int], keep: bool = False) -> Value:
        gone = {axis % max(len(value.shape), 1) for axis in axes}
        pairs = [
            ([] if at in gone else axis, 1 if at in gone else size)
            for at, (axis, size) in enumerate(zip(value.axes, value.shape, strict=True))
            if keep or at not in gone
        ]
        seen = value.like([axis for axis, _ in pairs], [size for _, size in pairs])
        return with_(seen, units=(), blocks=(), fixed=bool(value.units) and not value.moving)

    def window(self, value: Value, shape: Sequence[int]) -> Value:
        """Pooling, padding, cumulation: every axis stays what it was, some with another size."""
        axes = []
        for axis, size, new in zip(value.axes, value.shape, shape, strict=True):
            fresh = axis if size == new else axis_of(new)
            if axis is not fresh:
                relate(axis, fresh)
            axes.append(fresh)
        return with_(value.like(axes, shape), units=(), blocks=(), fixed=not value.moving)

    def dot(self, a: Value, b: Value, contract: Sequence[tuple[int, int]], batch: Sequence[tuple[int, int]]) -> Value:
        """Products of ``a`` and ``b`` summed over the pairs of axes in ``contract``: (batch, rest of a, rest of b)."""
        free = [
            [at for at in range(len(value.shape)) if at not in {pair[side] for pair in (*contract, *batch)}]
            for side, value in enumerate((a, b))
        ]
        axes = [a.axes[at] for at, _ in batch]
        axes += [a.axes[at] for at in free[0]] + [b.axes[at] for at in free[1]]
        shape = [a.shape[at] for at, _ in batch] + [a.shape[at] for at in free[0]] + [b.shape[at] for at in free[1]]
        nodes: set[int] = set()
        for side, (value, other) in enumerate(((a, b), (b, a))):
            if self._weighs(value) and not value.moving:
                roles = {pair[side]: IN for pair in contract} | dict.fromkeys(free[side], OUT)
                roles |= {pair[side]: GROUP for pair in batch}
                # Contracted axes are ordered as the activation has them.
                ordered = [pair[side] for pair in sorted(contract, key=lambda pair: pair[1 - side])]
                order = [*ordered, *free[side], *(pair[side] for pair in batch)]
                nodes |= self._use(value, "matrix", roles, [other], order)
        for one, two in (*contract, *batch):
            tie(a.axes[one], b.axes[two])
        last = frozenset(nodes) if nodes else a.last | b.last
        # What a weight is multiplied with counts as an activation, be it a constant (the zeros a cell starts from).
        lone = self._weighs(a) != self._weighs(b) and not (a.fixed or b.fixed)
        moving = a.moving or b.moving or lone
        return Value(tuple(axes), tuple(shape), last=last, moving=moving, fixed=not moving)

    def conv(
        self,
        value: Value,
        kernel: Value,
        specs: tuple[Sequence[int], Sequence[int], Sequence[int]],
        shape: Sequence[int],
        groups: int,
        transposed: bool,
    ) -> Value:
        """A convolution. Each of ``specs`` (input, kernel, result) is (batch or out, channel or in, space ...).

        A ``transposed`` one, as torch has it, turns its kernel round, which has its in channels first, and its groups
        with them.
        """
        of_input, of_kernel, of_result = specs
        for atom in value.axes[of_input[1]]:
            atom.mark("c")
        for atom in value.axes[of_input[0]]:
            atom.mark("b")
        for at, axis in enumerate(of_input[2:]):
            for atom in value.axes[axis]:
                atom.mark(f"s{at}")
        out, into, *space = of_kernel
        if transposed:
            kernel = self.flip(kernel, space)
        grouped = into if transposed else out
        self._split_groups(kernel, grouped, groups)
        roles = {out: OUT, into: IN} | dict.fromkeys(space, SPACE)
        nodes: frozenset[int] = frozenset()
        if self._weighs(kernel) and not kernel.moving:
            group = grouped if groups > 1 else None
            nodes = frozenset(self._use(kernel, "conv", roles, [value], [into, out, *space], group))
        if groups == 1:
            tie(value.axes[of_input[1]], kernel.axes[into])
        axes: list[Axis] = [axis_of(size) for size in shape]
        axes[of_result[0]] = value.axes[of_input[0]]
        if groups == 1 or not transposed:
            axes[of_result[1]] = kernel.axes[out]
        for atom in axes[of_result[1]]:
            atom.mark("c")
        for at, axis in enumerate(of_result[2:]):
            for atom in axes[axis]:
                atom.mark(f"s{at}")
        return Value(tuple(axes), tuple(shape), last=nodes or value.last | kernel.last, moving=True)

    def take(self, table: Value, picks: Value, picked: Sequence[int], shape: Sequence[int]) -> Value:
        """Rows of a table: the axes ``picked`` are indexed, the others end up as the last axes of the result."""
        kept = [at for at in range(len(table.shape)) if at not in picked]
        nodes: frozenset[int] = frozenset()
        if self._weighs(table) and not table.moving:
            roles = dict.fromkeys(picked, IN) | dict.fromkeys(kept, OUT)
            nodes = frozenset(self._use(table, "table", roles, [picks]))
        axes = [axis_of(size) for size in shape]
        for at, own in zip(range(len(shape) - len(kept), len(shape)), kept, strict=True):
            if at >= 0 and table.shape[own] == shape[at]:
                axes[at] = table.axes[own]
        for at, size in enumerate(picks.shape[: len(shape) - len(kept)]):
            if size == shape[at]:
                axes[at] = picks.axes[at]
        last = nodes or table.last | picks.last
        return Value(tuple(axes), tuple(shape), last=last, moving=True)

    def opaque(self, values: Sequence[Value], shape: Sequence[int]) -> Value:
        """Anything else: what it takes in is used, what comes out is new."""
        weights = [value for value in values if self._weighs(value) and not value.moving]
        moving = [value for value in values if value.moving]
        if moving:
            for value in weights:
                self._use(value, "loose", dict.fromkeys(range(len(value.shape)), ALONG), moving)
        return self._mixed(values, [], shape, self._last_of(weights) if moving else frozenset())

    def written(self, target: Value, sources: Sequence[Value], along: bool) -> Value:
        """``target`` after something was written into it, entry for entry where ``along``."""
        if along:
            for source in sources:
                if len(source.shape) == len(target.shape):
                    self._lay(target, source)
        last = target.last.union(*(source.last for source in sources))
        moving = target.moving or any(source.moving for source in sources)
        return with_(target, last=last, moving=moving)

    # Inside

    def _weighs(self, value: Value) -> bool:
        return bool(value.units or value.blocks)

    def _last_of(self, weights: Sequence[Value]) -> frozenset[int]:
        return frozenset(unit.uses[-1] for value in weights for unit, _ in members(value) if unit.uses)

    def _mixed(
        self, values: Sequence[Value], along: Sequence, shape: Sequence[int], more: frozenset[int] = frozenset()
    ) -> Value:
        axes = [axis_of(size) for size in shape]
        for at, size in enumerate(shape):
            there = [value.axes[at] for value in along if value.shape[at] == size and size > 1]
            # The first that says most of its axis is the axis; the rest are laid along it.
            if there:
                axes[at] = there[0]
                for other in there[1:]:
                    tie(axes[at], other)
        last = frozenset(use for value in values for use in value.last) | more
        moving = any(value.moving for value in values)
        fixed = not moving and any(value.fixed or self._weighs(value) for value in values)
        return Value(tuple(axes), tuple(shape), last=last, moving=moving, fixed=fixed)

    def _apply(self, name: str, weights: Sequence[Value], moving: Sequence[Value], shape: Sequence[int]) -> Value:
        kind = KINDS.get(name, "loose")
        hint = frozenset({name} if name in HINTS else ())
        for value in weights:
            named = with_(value, units=tuple((unit, hints | hint) for unit, hints in value.units))
            self._use(named, kind, dict.fromkeys(range(len(shape)), ALONG), moving)
        for value in weights:
            for other in moving:
                self._lay(other, value)
        result = self._mixed([*moving, *weights], [*moving, *weights], shape)
        nodes = self._last_of(weights)
        # Two activations that meet keep what came before them; one alone is told by this use.
        return with_(result, last=nodes | (result.last if len(moving) > 1 else frozenset()))

    def _lay(self, one: Value, other: Value) -> None:
        for at, size in enumerate(one.shape):
            if other.shape[at] == size and size > 1:
                tie(one.axes[at], other.axes[at])

    def _widened(self, value: Value, shape: Sequence[int]) -> Value:
        missing = len(shape) - len(value.shape)
        if missing <= 0:
            return value
        return self.reshape(value, [1] * missing + list(value.shape))

    def _split_groups(self, kernel: Value, axis: int, groups: int) -> None:
        if groups > 1 and kernel.units:
            tie(kernel.axes[axis], [Atom(size) for size in (groups, kernel.shape[axis] // groups) if size > 1])


@dataclass(frozen=True)
class Trace:
    """One side's program: its weights, its inputs in the order of the arguments' leaves, its outputs by name."""

    walk: Walk
    inputs: tuple[Value, ...]
    outputs: dict[str, Value]
