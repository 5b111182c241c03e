"""Reshapes, permutations, splits and joins: the order in which values lie."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations
from typing import Any

import torch

from compare.explain.calls.call import Described
from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.signatures import Given
from compare.explain.doctor.segment.ideas import Family, Idea, View, computed, value
from compare.explain.doctor.thresholds import DEFAULT, MOST_ORDERED, POSSIBLE, RARE, USUAL

Tensor = torch.Tensor
Shape = tuple[int, ...]


def _orders(count: int) -> list[Shape]:
    """Every order of so many things but their own."""
    return list(permutations(range(count)))[1:] if 2 <= count <= MOST_ORDERED else []


def _reshaped(function: Callable[[Tensor, Shape], Tensor]) -> Replacement:
    """``function`` of the call's tensor and the shape that the call makes of it, in place of the call."""
    return lambda func, args, kwargs: function(args[0], tuple(func(*args, **kwargs).shape))


def reshaped(view: View) -> Iterator[Idea]:
    """Of a reshape: the axes that it joins, or the ones it makes, in another order."""
    before, after = view.shape, getattr(view.call.result, "shape", ())
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    joined, split = before[same:], after[same:]
    for start, stop in _merged(before, after):
        if stop - start >= 2:
            yield from _joins(start, before[start:stop], len(before) - stop)
    if len(split) >= 2 and len(split) > len(joined):
        end = 0
        while end < len(joined) - 1 and joined[-1 - end] == split[-1 - end]:
            end += 1
        split = split[: len(split) - end]
        yield from _splits(same, split)
        if len(split) == 2:
            yield from _regrouped(same, *split)


def _merged(before: Shape, after: Shape) -> list[tuple[int, int]]:
    """The axes that become one, by where they begin and end, for each axis of ``after``; none where it is no such
    reshape."""
    groups, at = [], 0
    for size in after:
        start, whole = at, 1
        while at < len(before) and (whole < size or (whole == size and before[at] == 1)):
            whole *= before[at]
            at += 1
        if whole != size:
            return []
        groups.append((start, at))
    return groups if at == len(before) else []


def _joins(same: int, joined: Shape, behind: int) -> Iterator[Idea]:
    """``same`` axes before those that are joined, and so many ``behind`` them."""
    last = (*range(1, len(joined)), 0)  # channels last
    own = tuple(range(same, same + len(joined)))
    for order in sorted(_orders(len(joined)), key=lambda one: one != last):
        if all(joined[axis] == 1 for place, axis in enumerate(order) if place != axis):
            continue
        there = tuple(same + axis for axis in order)
        rest = range(same + len(joined), same + len(joined) + behind)
        change = _reshaped(partial(_flattened, (*range(same), *there, *rest)))
        yield value("flatten order", str(own), str(there), change, DEFAULT if order == last else POSSIBLE)


def _flattened(order: Shape, x: Tensor, shape: Shape) -> Tensor:
    return x.permute(order).reshape(shape)


def _splits(same: int, split: Shape) -> Iterator[Idea]:
    for order in _orders(len(split)):
        other = tuple(split[place] for place in order)
        if other != split or len(set(split)) < len(split):
            text = f"the port splits the axis as {other}, then turns it, the reference as {split}"
            change, rank = _reshaped(_turned_back(same, order)), USUAL if len(split) == 2 else POSSIBLE
            yield Idea("split order", str(split), str(other), change, rank, text, f"split order {order}")


def _turned_back(same: int, order: Shape) -> Callable[[Tensor, Shape], Tensor]:
    def split(x: Tensor, shape: Shape) -> Tensor:
        end = same + len(order)
        turned = x.reshape(*shape[:same], *(shape[same + place] for place in order), *shape[end:])
        back = [order.index(place) + same for place in range(len(order))]
        return turned.permute(*range(same), *back, *range(end, len(shape)))

    return split


def _regrouped(same: int, own: int, inner: int) -> Iterator[Idea]:
    whole = own * inner
    for groups in sorted((n for n in range(2, whole) if whole % n == 0 and n != own), key=lambda n: n != inner):
        other = (groups, whole // groups)
        change = _reshaped(partial(_grouped, same, other))
        yield value("groups", str((own, inner)), str(other), change, POSSIBLE)


def _grouped(same: int, groups: Shape, x: Tensor, shape: Shape) -> Tensor:
    return x.reshape(*shape[:same], *groups, *shape[same + 2 :])


def permuted(view: View) -> Iterator[Idea]:
    """Of a permutation: none, where the shape stays, or a reshape in its place."""
    if len(view.shape) < 2:
        return
    if view.shape == getattr(view.call.result, "shape", ()):
        text = f"the port leaves the axes as they are where the reference has a {view.call.name}"
        yield Idea(
            "axis order", "permuted", "as they are", lambda func, args, kwargs: args[0], USUAL, text, "not permuted"
        )
    text = f"the port reshapes where the reference has a {view.call.name}"
    yield value("axis order", "permuted", "reshaped", _reshaped(lambda x, shape: x.reshape(shape)), USUAL, text)


def concatenated(view: View) -> Iterator[Idea]:
    """Of a concatenation or a stack: its parts in another order; a rotation's halves."""
    parts = view.call.args[0] if view.call.args else ()
    for order in _orders(len(parts)) if isinstance(parts, tuple | list) else ():
        rank = USUAL if len(parts) == 2 else POSSIBLE
        yield value("concatenation order", tuple(range(len(parts))), order, _reordered(order), rank)
    if isinstance(parts, tuple | list) and len(parts) == 2 and view.call.name != "stack":
        # cat((-x2, x1)) and cat((a, a)): the halves of a rotary embedding, which other models interleave.
        text = "the port rotates neighbouring entries (interleaved), the reference halves"
        yield Idea("interleaved", "halves", "interleaved", _interleaving, DEFAULT, text, "interleaved rotation")
        yield value("rotation", "(-x2, x1)", "(x2, -x1)", lambda func, args, kwargs: -func(*args, **kwargs), RARE)


def _reordered(order: Shape) -> Replacement:
    return lambda func, args, kwargs: func([args[0][place] for place in order], *args[1:], **kwargs)


def _interleaving(func: Function, args: tuple, kwargs: dict) -> Tensor:
    first, second = args[0]
    if first is second:
        repeated: Tensor = first.repeat_interleave(2, -1)
        return repeated
    whole = torch.cat((second, -first), -1)  # what was halved: (x1, x2) of (-x2, x1)
    return torch.stack((-whole[..., 1::2], whole[..., ::2]), -1).flatten(-2)


def parted(view: View) -> Iterator[Idea]:
    """Of a split, chunk or unbind: the parts handed out in another order."""
    result = view.call.result
    if not isinstance(result, tuple | list) or len({part.shape for part in result if isinstance(part, Described)}) > 1:
        return
    count = len(result)
    for order in _orders(count):
        rank = USUAL if count < MOST_ORDERED else RARE
        yield value("order of the parts", str(tuple(range(count))), str(order), _handed(order), rank)
    if 2 <= count <= MOST_ORDERED:
        yield value("order of the parts", "blocks", "every n-th entry", computed(partial(_dealt, count)), POSSIBLE)


def _handed(order: Shape) -> Replacement:
    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        parts = func(*args, **kwargs)
        return tuple(parts[place] for place in order)

    return replacement


def _dealt(count: int, given: Given) -> tuple[Tensor, ...]:
    x, dim = given["input"], given["dim"]
    return tuple(x.index_select(dim, torch.arange(first, x.shape[dim], count)) for first in range(count))


FAMILIES: dict[str, Family] = {
    **dict.fromkeys(("flatten", "reshape", "view", "unflatten"), reshaped),
    **dict.fromkeys(("permute", "transpose", "T", "mT", "t", "movedim", "moveaxis"), permuted),
    **dict.fromkeys(("cat", "concat", "concatenate", "stack"), concatenated),
    **dict.fromkeys(("split", "chunk", "unbind", "tensor_split"), parted),
}
