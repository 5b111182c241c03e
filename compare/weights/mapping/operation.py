"""One operation of torch as a program holds it: its arguments by ATen's names, and what they and the shapes say of it.

Most operations need no rule of their own: that they reduce, pool or go entry by entry is seen in the names of their
arguments and in the shapes that enter and leave.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from compare.weights.mapping.units import Value

Shape = tuple[int, ...]
VIEW, PARTS, NEW = "view", "parts", "new"  # a result that is the first argument seen otherwise; a list of its pieces


@dataclass(frozen=True)
class Operation:
    """An operation that was called.

    Attributes:
        name: ATen's, without the overload; one in place has the name of its twin that is not.
        result: VIEW, PARTS or NEW.
        arguments: by the schema's names, in its order, the defaults filled in; every tensor is a ``Value``.
        shapes: of the tensors that came out.
    """

    name: str
    result: str
    arguments: Mapping[str, Any]
    shapes: list[Shape]

    @property
    def tensors(self) -> list[Value]:
        """Those that enter, in the order of the arguments, lists opened."""
        return [item for item in _opened(self.arguments.values()) if isinstance(item, Value)]

    def axis(self, rank: int) -> int:
        """The argument ``dim`` of a tensor with ``rank`` axes, counted from the front."""
        return int(self.arguments["dim"]) % rank

    @property
    def reduced(self) -> list[int] | None:
        """The axes of its one tensor that are gone from the result, or have one entry left; None: it is no reduction.

        An operation that can keep the reduced axes reduces; one that cannot loses all axes, or those it names.
        """
        if len(self.tensors) != 1:
            return None
        rank, left = len(self.tensors[0].shape), len(self.shapes[0])
        named = self.arguments.get("dim")
        axes = list(range(rank)) if named in (None, []) else [named] if isinstance(named, int) else list(named)
        if "keepdim" in self.arguments or (rank > 0 and left == 0) or ("dim" in self.arguments and left < rank):
            return axes
        return None

    @property
    def more(self) -> list[float]:
        """The number that is added to its tensor, or taken off it."""
        other, times = self.arguments.get("other"), self.arguments.get("alpha", 1)
        if self.name not in ("add", "sub") or not isinstance(other, int | float) or not isinstance(times, int | float):
            return []
        return [float(other * times)]

    @property
    def seen_otherwise(self) -> bool:
        """Whether the result is the first argument's entries, all of them and in order, in another shape."""
        first = next(iter(self.tensors), None)
        return self.result == VIEW and first is not None and prod(first.shape) == prod(self.shapes[0])

    @property
    def entrywise(self) -> bool:
        """Whether every tensor that enters can be broadcast to the result."""
        return bool(self.tensors) and all(_broadcasts(value.shape, self.shapes[0]) for value in self.tensors)

    @property
    def resized(self) -> bool:
        """Whether the result has the axes of the one tensor that enters, some with another size: pooled or padded."""
        return len(self.tensors) == 1 and all(len(shape) == len(self.tensors[0].shape) for shape in self.shapes)


def _opened(items: Any) -> Iterator[object]:
    for item in items:
        if isinstance(item, list | tuple):
            yield from _opened(item)
        else:
            yield item


def _broadcasts(shape: Shape, into: Shape) -> bool:
    short = zip(reversed(shape), reversed(into), strict=False)
    return len(shape) <= len(into) and all(own in (1, size) for own, size in short)
