"""The common form of both traces: a few kinds of operation, and what each says of the arrays that enter it.

Each side's tracer replays its program here. A value that is still a view of a weight carries that weight's name; the
first operation that mixes it with an activation is its *use*, and gives every axis of the weight its role: contracted
(``in``), surviving (``out``), ``space``, ``along`` an activation. Uses form a graph: one depends on those whose
results reach it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from compare.weights.mapping.atoms import Atom, Axis, axis_of, finest, relate, tie
from compare.weights.mapping.mixing import Mixing
from compare.weights.mapping.units import GROUP, IN, OUT, SPACE, Value


class Walk(Mixing):
    """Replays one program; its tracer calls a method for each operation. Here: those that give an axis its role."""

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
            if value.weighs and not value.moving:
                roles = {pair[side]: IN for pair in contract} | dict.fromkeys(free[side], OUT)
                roles |= {pair[side]: GROUP for pair in batch}
                # Contracted axes are ordered as the activation has them.
                ordered = [pair[side] for pair in sorted(contract, key=lambda pair: pair[1 - side])]
                order = [*ordered, *free[side], *(pair[side] for pair in batch)]
                alone = not other.moving and (other.weighs or other.fixed)
                nodes |= self._use(value, "matrix", roles, [other], order, alone=alone)
        for side, (value, other) in enumerate(((a, b), (b, a))):
            if other.moving and not value.moving:
                self._told_by_product([value.axes[pair[side]] for pair in contract])
        for of_a, of_b in (*contract, *batch):
            tie(a.axes[of_a], b.axes[of_b])
        for side, (value, other) in enumerate(((a, b), (b, a))):
            if other.moving and not value.moving:
                self._carry_on(value, free[side], other, [pair[1 - side] for pair in contract])
        last = frozenset(nodes) if nodes else a.last | b.last
        # What a weight is multiplied with counts as an activation, be it a constant (the zeros a cell starts from).
        lone = a.weighs != b.weighs and not (a.fixed or b.fixed)
        moving = a.moving or b.moving or lone
        return Value(tuple(axes), tuple(shape), last=last, moving=moving, fixed=not moving)

    def _told_by_product(self, contracted: Sequence[Axis]) -> None:
        """Weights that met each other alone, and whose product meets an activation: what is contracted there is the
        first one's, so that its other axis, which the second contracts, comes out of it."""
        entering = {id(atom.root) for axis in contracted for atom in finest(axis)}
        for unit in self.beside.values() if entering else ():
            enters = [any(id(atom.root) in entering for atom in finest([factor.atom])) for factor in unit.factors]
            if unit is self.units.get(unit.leaf) and any(
                own and factor.role == OUT for factor, own in zip(unit.factors, enters, strict=True)
            ):
                for factor, own in zip(unit.factors, enters, strict=True):
                    factor.role = IN if own else OUT

    @staticmethod
    def _carry_on(matrix: Value, out: Sequence[int], moving: Value, contracted: Sequence[int]) -> None:
        """A product with what does not move changes the size of one axis of the activation, not what that axis is: of
        an image that is resized by two matrices height and width stay what they are."""
        new = [at for at in out if matrix.shape[at] > 1]
        old = [at for at in contracted if moving.shape[at] > 1]
        if len(new) == len(old) == 1:
            relate(moving.axes[old[0]], matrix.axes[new[0]])

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
        if kernel.weighs and not kernel.moving:
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
        if table.weighs and not table.moving:
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

    def picked(
        self, value: Value, picks: Value, kept: Mapping[int, int], picked: Sequence[int], shape: Sequence[int]
    ) -> Value:
        """Entries of an activation by their numbers along the axes ``picked``.

        Args:
            kept: by axis of the result, the axis of the activation that it still is.
        """
        axes = [axis_of(size) for size in shape]
        for at, own in kept.items():
            axes[at] = value.axes[own]
        new = [at for at in range(len(shape)) if at not in kept]
        if len(new) == len(picked) == 1:
            relate(value.axes[picked[0]], axes[new[0]])
        return Value(tuple(axes), tuple(shape), last=value.last | picks.last, moving=True)

    def _split_groups(self, kernel: Value, axis: int, groups: int) -> None:
        if groups > 1 and kernel.units:
            tie(kernel.axes[axis], [Atom(size) for size in (groups, kernel.shape[axis] // groups) if size > 1])


@dataclass(frozen=True)
class Trace:
    """One side's program: its weights, its inputs in the order of the arguments' leaves, its outputs by name."""

    walk: Walk
    inputs: tuple[Value, ...]
    outputs: dict[str, Value]
