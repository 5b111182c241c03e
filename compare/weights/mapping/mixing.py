"""Operations that mix values entry by entry, join, shrink or hide them; a weight that meets an activation is used."""

from collections.abc import Iterable, Sequence

from compare.weights.mapping.atoms import axis_of, relate, tie
from compare.weights.mapping.shaping import Shaping
from compare.weights.mapping.units import ALONG, PART_HINTS, Value, entries, members, note_cut, with_

# What a function does to a weight's result, and the operations that make an array a factor or a summand.
FATES = {"sigmoid": "sigmoid", "tanh": "tanh", "exp": "exp", "softmax": "exp", "erf": "erf", "silu": "sigmoid"}
USES = {"mul": "scale", "div": "scale", "add": "shift", "sub": "shift"}
HINTS = ("rsqrt", "sub")


class Mixing(Shaping):
    """Views, and the operations whose axes stay what they were."""

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
        start = 0
        for value in values:
            for at in range(len(shape)):
                if at != axis:
                    tie(axes[at], value.axes[at])
            relate(axes[axis], value.axes[axis])
            # A kernel over all of them is several side by side, one for each.
            note_cut(axes[axis], start, start + value.shape[axis])
            start += value.shape[axis]
        return with_(joined, axes=tuple(axes), last=joined.last | self._last_of(weights))

    def elementwise(self, name: str, values: Sequence[Value], shape: Sequence[int]) -> Value:
        """One result entry from one entry of each value, after broadcasting from the right."""
        wide = [self._widened(value, shape) for value in values]
        weights = [value for value in wide if value.weighs and not value.moving]
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
                self._use(value, USES.get(name, "loose"), dict.fromkeys(range(len(shape)), ALONG), [])
        first = whole[0]
        for value in [*whole[1:], *(value for value in wide if value.fixed and value.shape == first.shape)]:
            self._lay(first, value)  # what is made of weights alone too: a product of two that is added to a third
        hint = frozenset({name} if name in HINTS else ())
        units = {id(unit): (unit, hints | hint) for value in whole for unit, hints in value.units}
        blocks = tuple(block for value in whole for block in value.blocks)
        return with_(first, units=tuple(units.values()), blocks=blocks, added=_added(name, wide))

    def joined(self, real: Value, imaginary: Value, shape: Sequence[int]) -> Value:
        """Complex numbers from two arrays, which know of which part they are."""
        both = [self.hinted(value, hint) for value, hint in zip((real, imaginary), PART_HINTS, strict=True)]
        return self.elementwise("complex", both, shape)

    def hinted(self, value: Value, hint: str) -> Value:
        """With a hint for what it is a view of."""
        return with_(value, units=tuple((unit, hints | {hint}) for unit, hints in value.units))

    def reduce(self, value: Value, axes: Iterable[int], keep: bool = False) -> Value:
        gone = {axis % max(len(value.shape), 1) for axis in axes}
        pairs = [
            ([] if at in gone else axis, 1 if at in gone else size)
            for at, (axis, size) in enumerate(zip(value.axes, value.shape, strict=True))
            if keep or at not in gone
        ]
        reduced = value.like([axis for axis, _ in pairs], [size for _, size in pairs])
        return with_(reduced, units=(), blocks=(), fixed=bool(value.units) and not value.moving)

    def window(self, value: Value, shape: Sequence[int]) -> Value:
        """Pooling, padding, cumulation: every axis stays what it was, some with another size."""
        axes = []
        for axis, size, new in zip(value.axes, value.shape, shape, strict=True):
            fresh = axis if size == new else axis_of(new)
            if axis is not fresh:
                relate(axis, fresh)
            axes.append(fresh)
        return with_(value.like(axes, shape), units=(), blocks=(), fixed=not value.moving)

    def opaque(self, values: Sequence[Value], shape: Sequence[int]) -> Value:
        """Anything else: what it takes in is used, what comes out is new."""
        weights = [value for value in values if value.weighs and not value.moving]
        moving = [value for value in values if value.moving]
        for value in weights:
            self._use(value, "loose", dict.fromkeys(range(len(value.shape)), ALONG), moving, opaque=True)
        return self._mixed(values, [], shape, self._last_of(weights))

    def written(self, target: Value, sources: Sequence[Value], along: bool) -> Value:
        """``target`` after something was written into it, entry for entry where ``along``."""
        if along:
            for source in sources:
                if len(source.shape) == len(target.shape):
                    self._lay(target, source)
        last = target.last.union(*(source.last for source in sources))
        moving = target.moving or any(source.moving for source in sources)
        return with_(target, last=last, moving=moving)

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
        fixed = not moving and any(value.fixed or value.weighs for value in values)
        return Value(tuple(axes), tuple(shape), last=last, moving=moving, fixed=fixed)

    def _apply(self, name: str, weights: Sequence[Value], moving: Sequence[Value], shape: Sequence[int]) -> Value:
        use = USES.get(name, "loose")
        hint = frozenset({name} if name in HINTS else ())
        for value in weights:
            named = with_(value, units=tuple((unit, hints | hint) for unit, hints in value.units))
            self._use(named, use, dict.fromkeys(range(len(shape)), ALONG), moving)
        for value in weights:
            for other in moving:
                self._lay(other, value)
        result = self._mixed([*moving, *weights], [*moving, *weights], shape)
        nodes = self._last_of(weights)
        # Two activations that meet keep what came before them; one alone is told by this use.
        return with_(result, last=nodes | (result.last if len(moving) > 1 else frozenset()))

    def _lay(self, base: Value, other: Value) -> None:
        for at, size in enumerate(base.shape):
            if other.shape[at] == size and size > 1:
                tie(base.axes[at], other.axes[at])
        if base.parts and other.parts:
            tie(base.parts, other.parts)

    def _widened(self, value: Value, shape: Sequence[int]) -> Value:
        missing = len(shape) - len(value.shape)
        if missing <= 0:
            return value
        return self.reshape(value, [1] * missing + list(value.shape))


def _added(name: str, values: Sequence[Value]) -> float | None:
    """What has been added to a weight's entries after the operation on it and on numbers; None where they have become
    something else."""
    first, *others = values
    if name == "add" and not first.weighs:
        first, others = values[-1], list(values[:-1])
    numbers = [value.number for value in others if value.number is not None]
    if name not in ("add", "sub") or first.added is None or len(numbers) != 1 or len(others) != 1 or not first.weighs:
        return None
    return first.added + (numbers[0] if name == "add" else -numbers[0])
