"""One tensor in the place of another: two exchanged wherever they are taken, or another one taken in one place.

Which call takes what another made is known by the numbers of the tensors (``Described.tag``); a port that writes ``q``
where ``k`` stands, or goes on from what was there before a norm, takes another tensor of the same shape.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map_only

from compare.explain.calls.call import Call, Described, tensors_of
from compare.explain.calls.change import Change
from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.arguments import SHAPES
from compare.explain.doctor.suspect import Suspect
from compare.explain.doctor.thresholds import MOST_FLOWS, POSSIBLE, RARE
from compare.frameworks.islands.places import UNKNOWN

Tensor = torch.Tensor
_SAME = SHAPES | {
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
        if call.name in _SAME and first is not None and first.tag in self.tensors:
            return self.words(first.tag)
        named = next((f" by {given.name}" for given in tensors_of([call.args, call.kwargs]) if given.name), "")
        return f"the result of {call.name}{named}" + (f" ({call.place})" if call.place != UNKNOWN else "")

    def alike(self, one: int, other: int) -> bool:
        """Whether one may stand in the other's place."""
        first, second = self.tensors[one], self.tensors[other]
        return (first.shape, first.dtype) == (second.shape, second.dtype)


def exchanged(scene: Scene) -> Iterator[Suspect[Change]]:
    """Every two tensors of one shape, each wherever the other is taken; the last ones first. Calls that are cleared
    take part: scores turned round are the scores in another layout."""
    flow = _flow_of(scene)
    pairs = [pair for pair in combinations(flow.tensors, 2) if flow.alike(*pair) and _apart(flow, *pair)]
    said: set[frozenset[str]] = set()
    for one, other in pairs[: -MOST_FLOWS - 1 : -1]:
        words = flow.words(one), flow.words(other)
        if words[0] != words[1] and frozenset(words) not in said:
            said.add(frozenset(words))
            takers = {one: other, other: one}
            change = _change(flow, takers, [call.number for tag in takers for call in flow.takers[tag]])
            text = f"{words[0]} and {words[1]} are exchanged in the port"
            yield Suspect("operands", "as they are", "exchanged", change, POSSIBLE, text, f"{words[0]} for {words[1]}")


def _apart(flow: Flow, one: int, other: int) -> bool:
    """Whether both are taken, by more than one call, and both are there before anything takes either."""
    takers = [call.number for tag in (one, other) for call in flow.takers.get(tag, ())]
    both = one in flow.takers and other in flow.takers
    return both and len(set(takers)) > 1 and min(takers) >= max(flow.since[one], flow.since[other])


def others(scene: Scene) -> Iterator[Suspect[Change]]:
    """Of each call, every tensor that it takes: another one of its shape that is there by then."""
    flow, tried = _flow_of(scene), 0
    for call in scene.calls:
        if call.name in _SAME:
            continue
        for own in tensors_of([call.args, call.kwargs]):
            for other in flow.tensors if own.tag in flow.tensors else ():
                if other == own.tag or not flow.alike(other, own.tag) or flow.since[other] > call.number:
                    continue
                words = flow.words(own.tag), flow.words(other)
                if words[0] == words[1] or tried >= MOST_FLOWS:
                    continue
                tried += 1
                change = _change(flow, {own.tag: other}, [call.number])
                place = f" ({call.place})" if call.place != UNKNOWN else ""
                text = f"in {call.name}{place} the port takes {words[1]} for {words[0]}"
                yield Suspect("operand", words[0], words[1], change, RARE, text, f"{words[1]} in {call.name}")


def _flow_of(scene: Scene) -> Flow:
    return Flow(sorted((*scene.calls, *scene.cleared), key=lambda call: call.number))


def _change(flow: Flow, instead: Mapping[int, int], takers: Sequence[int]) -> Change:
    """Each tensor in the place of another in these calls; where it is first there it is noted."""
    seen: dict[int, Tensor] = {}
    changed: dict[int, Replacement] = {}
    by_number = {call.number: call for call in flow.calls}
    noting = {call.number for tag in instead.values() for call in _showing(flow, tag)}
    for number in noting | set(takers):
        change = instead if number in takers else {}
        changed[number] = partial(_replaced, by_number[number], seen, change)
    return Change(calls=changed)


def _showing(flow: Flow, tag: int) -> list[Call]:
    """The call that makes a tensor, or the first that takes it."""
    return [flow.maker[tag]] if tag in flow.maker else flow.takers[tag][:1]


def _replaced(
    call: Call, seen: dict[int, Tensor], instead: Mapping[int, int], func: Function, args: tuple, kwargs: dict
) -> Any:
    entering = _tags(call.args, call.kwargs)
    seen.update(zip(entering, _leaves((args, kwargs)), strict=False))  # of both, if it takes both
    tags = iter(entering)

    def other(own: Tensor) -> Tensor:
        tag = next(tags, 0)
        return seen[instead[tag]] if tag in instead else own

    args, kwargs = tree_map_only(Tensor, other, (args, kwargs))
    result = func(*args, **kwargs)
    seen.update(zip(_tags(call.result), _leaves(result), strict=False))
    return result


def _tags(*values: Any) -> list[int]:
    return [one.tag for one in tensors_of(list(values))]


def _leaves(values: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]
