"""One tensor in the place of another: two exchanged wherever they are taken, or another one taken in one place.

Which call takes what another made is known by the numbers of the tensors (``Described.tag``); a port that writes ``q``
where ``k`` stands, or goes on from what was there before a norm, takes another tensor of the same shape.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations, product
from typing import Any

import torch
from torch.utils._pytree import tree_map_only

from compare.explain.calls.call import Call, tensors_of
from compare.explain.calls.change import Change
from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.tensor_flow import SAME, Flow, flow_of, leaves_of, tags_of
from compare.explain.doctor.suspect import Suspect
from compare.explain.doctor.thresholds import MOST_CALLS, MOST_FLOWS, MOST_OTHERS, POSSIBLE, RARE, ROUND
from compare.frameworks.islands.places import UNKNOWN

Tensor = torch.Tensor
_Taking = tuple[Call, int, int]  # a call, the tensor that it takes, the one that it would take instead


def exchanged(scene: Scene) -> Iterator[Suspect[Change]]:
    """Every two tensors of one shape, each wherever the other is taken; the last ones first. Calls that are cleared
    take part: scores turned round are the scores in another layout."""
    flow = flow_of(scene)
    pairs = [pair for pair in combinations(flow.tensors, 2) if flow.alike(*pair) and _apart(flow, *pair)]
    said: set[frozenset[str]] = set()
    for one, other in pairs[: -MOST_FLOWS - 1 : -1]:
        words = flow.words(one), flow.words(other)
        if words[0] != words[1] and frozenset(words) not in said:
            said.add(frozenset(words))
            takers = {one: other, other: one}
            change = changed_flow(flow, takers, [call.number for tag in takers for call in flow.takers[tag]])
            text = f"{words[0]} and {words[1]} are exchanged in the port"
            yield Suspect("operands", "as they are", "exchanged", change, POSSIBLE, text, f"{words[0]} for {words[1]}")


def between_calls(scene: Scene) -> Iterator[Suspect[Change]]:
    """Of two calls of one line, a tensor of each in the other's place: a * e - s * x for s * e - a * x."""
    flow = flow_of(scene)
    by_line: dict[tuple[str, str], list[Call]] = {}
    for call in scene.calls:
        if call.name not in SAME and call.place != UNKNOWN:
            by_line.setdefault((call.name, call.place), []).append(call)
    pairs = [
        (first, second, own.tag, other.tag)
        for calls in by_line.values()
        for first, second in combinations(calls[:ROUND], 2)
        for own, other in product(tensors_of(first.args), tensors_of(second.args))
        if own.tag != other.tag and {own.tag, other.tag} <= flow.tensors.keys() and flow.alike(own.tag, other.tag)
        if flow.since[other.tag] <= first.number
    ]
    for first, second, own, other in pairs[:MOST_FLOWS]:
        words = flow.words(own), flow.words(other)
        change = changed_flow(flow, {own: other}, [first.number]) | changed_flow(flow, {other: own}, [second.number])
        text = f"in two {first.name} ({first.place}) {words[0]} and {words[1]} are exchanged in the port"
        yield Suspect("operands", "as they are", "exchanged", change, RARE, text, f"{words[0]} for {words[1]} there")


def _apart(flow: Flow, one: int, other: int) -> bool:
    """Whether both are taken, by more than one call, and both are there before anything takes either."""
    takers = [call.number for tag in (one, other) for call in flow.takers.get(tag, ())]
    both = one in flow.takers and other in flow.takers
    return both and len(set(takers)) > 1 and min(takers) >= max(flow.since[one], flow.since[other])


def others(scene: Scene) -> Iterator[Suspect[Change]]:
    """Of each call, every tensor that it takes: another one of its shape that is there by then; first what lies on its
    way, which is a step left out or one too many, and what the same line of the program has made before."""
    flow, tried = flow_of(scene), 0
    for call, own, other in _likeliest_first(flow, _other_takings(scene, flow)):
        words = flow.words(own), flow.words(other)
        if words[0] == words[1]:
            continue
        tried += 1
        if tried > MOST_OTHERS:
            return
        change = changed_flow(flow, {own: other}, [call.number])
        place = f" ({call.place})" if call.place != UNKNOWN else ""
        text = f"in {call.name}{place} the port takes {words[1]} for {words[0]}"
        yield Suspect("operand", words[0], words[1], change, RARE, text, f"{words[1]} in {call.name}")


def _other_takings(scene: Scene, flow: Flow) -> Iterator[_Taking]:
    for call in scene.calls:
        for own in tensors_of([call.args, call.kwargs]) if call.name not in SAME else ():
            for other in flow.tensors if own.tag in flow.tensors else ():
                if other != own.tag and flow.alike(other, own.tag) and flow.since[other] <= call.number:
                    yield call, own.tag, other


def _likeliest_first(flow: Flow, takings: Iterator[_Taking]) -> Iterable[_Taking]:
    """As they come where there are many calls."""
    if len(flow.calls) > MOST_CALLS:
        return takings
    before = flow.before()

    def rank(taking: _Taking) -> int:
        _, own, other = taking
        on_the_way = other in before.get(own, ()) or own in before.get(other, ())
        makers = [flow.maker[tag] for tag in (own, other) if tag in flow.maker]
        return -on_the_way - (len({(maker.name, maker.place) for maker in makers}) == 1 < len(makers))

    return sorted(takings, key=rank)


def changed_flow(flow: Flow, instead: Mapping[int, int], takers: Sequence[int]) -> Change:
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
    entering = tags_of(call.args, call.kwargs)
    seen.update(zip(entering, leaves_of((args, kwargs)), strict=False))  # of both, if it takes both
    tags = iter(entering)

    def other(own: Tensor) -> Tensor:
        tag = next(tags, 0)
        return seen[instead[tag]] if tag in instead else own

    args, kwargs = tree_map_only(Tensor, other, (args, kwargs))
    result = func(*args, **kwargs)
    seen.update(zip(tags_of(call.result), leaves_of(result), strict=False))
    return result
