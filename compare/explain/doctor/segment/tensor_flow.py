"""Which call takes what another made, in one run: by the numbers of the tensors (``Described.tag``)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from compare.explain.calls.call import Call, Described, tensors_of
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.arguments import SHAPES
from compare.frameworks.islands.places import UNKNOWN

Tensor = torch.Tensor
SAME = SHAPES | {
    "T",
    "mT",
    "t",
    "contiguous",
    "clone",
    "double",
    "float",
    "type_as",
}  # what leaves numbers as they are


@dataclass
class Flow:
    """The tensors of some calls, each from the call on in which it is first there."""

    calls: Sequence[Call]
    tensors: dict[int, Described] = field(default_factory=dict)
    since: dict[int, int] = field(default_factory=dict)
    takers: dict[int, list[Call]] = field(default_factory=dict)
    maker: dict[int, Call] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for call in self.calls:
            for one in tensors_of([call.args, call.kwargs]):
                self.takers.setdefault(one.tag, []).append(call)
                self._seen(one, call.number)
            for one in tensors_of([call.result]):
                self.maker.setdefault(one.tag, call)
                self._seen(one, call.number + 1)

    def _seen(self, one: Described, since: int) -> None:
        if one.tag and one.dtype.startswith(("float", "complex", "bfloat")) and one.shape:
            self.tensors.setdefault(one.tag, one)
            self.since.setdefault(one.tag, since)

    def words(self, tag: int) -> str:
        """ "the output of `enc.q`", "weight", "the result of softmax (file:line)"."""
        own = self.tensors[tag]
        if own.name or own.origin:
            return own.name or f"the output of {own.origin}"
        call = self.maker.get(tag)
        if call is None:
            return "what enters"
        first = next(iter(tensors_of([call.args, call.kwargs])), None)
        if call.name in SAME and first is not None and first.tag in self.tensors:
            return self.words(first.tag)
        named = next((f" by {given.name}" for given in tensors_of([call.args, call.kwargs]) if given.name), "")
        alike = self._written_alike(call) if not named else []
        which = f" number {alike.index(call) + 1}" if len(alike) > 1 else ""
        return f"the result of {call.name}{which}{named}" + (f" ({call.place})" if call.place != UNKNOWN else "")

    def _written_alike(self, call: Call) -> list[Call]:
        """The calls that one place in the program makes, as a function that is called several times."""
        return [one for one in self.calls if (one.name, one.place) == (call.name, call.place)]

    def made_by(self, tag: int) -> str:
        """The function that makes a tensor, what only arranges its numbers looked through; "" of what enters."""
        call = self.maker.get(tag)
        first = next(iter(tensors_of([call.args, call.kwargs])), None) if call is not None else None
        if call is not None and call.name in SAME and first is not None:
            return self.made_by(first.tag)
        return call.name if call is not None else ""

    def before(self) -> dict[int, set[int]]:
        """Of each tensor, those that it is computed from."""
        found: dict[int, set[int]] = {}
        for call in self.calls:
            taken = [one.tag for one in tensors_of([call.args, call.kwargs])]
            whole = set(taken).union(*(found.get(tag, set()) for tag in taken))
            for one in tensors_of([call.result]):
                if one.tag not in taken:
                    found.setdefault(one.tag, whole)
        return found

    def alike(self, one: int, other: int) -> bool:
        """Whether one may stand in the other's place."""
        first, second = self.tensors[one], self.tensors[other]
        return (first.shape, first.dtype) == (second.shape, second.dtype)


def flow_of(scene: Scene) -> Flow:
    return Flow(sorted((*scene.calls, *scene.cleared), key=lambda call: call.number))


def tags_of(*values: Any) -> list[int]:
    return [one.tag for one in tensors_of(list(values))]


def leaves_of(values: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]
