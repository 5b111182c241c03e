"""Reshapes, permutations, splits and joins: the order in which values lie."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import torch

from compare.explain.calls.call import Described
from compare.explain.doctor.segment.ideas import DEFAULT, POSSIBLE, RARE, USUAL, Family, Idea, View

Tensor = torch.Tensor


def reshaped(view: View) -> Iterator[Idea]:
    """Of a reshape: the axes that it joins, or the ones it makes, in another order."""
    first, result = view.first, view.call.result
    if first is None or not isinstance(result, Described):
        return
    before, after = first.shape, result.shape
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    joined, made = before[same:], after[same:]
    if len(joined) >= 2 and len(joined) > len(made):
        yield from _joins(len(before), same, joined)
    if len(made) >= 2 and len(made) > len(joined):
        end = 0
        while end < len(joined) - 1 and joined[-1 - end] == made[-1 - end]:
            end += 1
        made = made[: len(made) - end]
        yield from _splits(same, made)
        if len(made) == 2:
            yield from _regrouped(same, made)


def _joins(axes: int, same: int, joined: tuple[int, ...]) -> Iterator[Idea]:
    own = tuple(range(same, axes))
    if len(joined) > 4:
        return
    last = (*own[1:], own[0])  # channels last
    for order in sorted(list(permutations(own))[1:], key=lambda one: one != last):
        if all(joined[one - same] == 1 for one, place in zip(order, own, strict=True) if one != place):
            continue
        names = f"axes {order} where the reference flattens {own}"
        rank = DEFAULT if order == last else POSSIBLE
        yield Idea("flatten order", str(own), str(order), f"the port flattens {names}", f"flatten order {order}",
                   _permuted_before((*range(same), *order)), rank)  # fmt: skip


def _permuted_before(order: tuple[int, ...]) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Tensor:
        shape = func(*args, **kwargs).shape
        return args[0].permute(order).reshape(shape)

    return replacement


def _splits(same: int, made: tuple[int, ...]) -> Iterator[Idea]:
    if len(made) > 4:
        return
    for order in list(permutations(range(len(made))))[1:]:
        shown = tuple(made[one] for one in order)
        if shown != made or len(set(made)) < len(made):
            yield Idea("split order", str(made), str(shown), f"the port splits the axis as {shown}, then turns it, the "
                       f"reference as {made}", f"split order {order}", _split(same, order),
                       USUAL if len(made) == 2 else POSSIBLE)  # fmt: skip


def _regrouped(same: int, made: tuple[int, int]) -> Iterator[Idea]:
    whole = made[0] * made[1]
    for groups in sorted((n for n in range(2, whole) if whole % n == 0 and n != made[0]), key=lambda n: n != made[1]):
        other = (groups, whole // groups)

        def replacement(func: Any, args: tuple, kwargs: dict, other: tuple[int, int] = other) -> Tensor:
            shape = func(*args, **kwargs).shape
            return args[0].reshape(*shape[:same], *other, *shape[same + 2 :])

        yield Idea("groups", str(made), str(other), f"the port splits the axis of {whole} into {other}, the reference "
                   f"into {made}", f"split into {other}", replacement, POSSIBLE)  # fmt: skip


def _split(same: int, order: tuple[int, ...]) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Tensor:
        shape = func(*args, **kwargs).shape
        made, rest = shape[same : same + len(order)], shape[same + len(order) :]
        turned = args[0].reshape(*shape[:same], *(made[one] for one in order), *rest)
        back = [order.index(one) + same for one in range(len(made))]
        return turned.permute(*range(same), *back, *range(same + len(order), len(shape)))

    return replacement


def turned(view: View) -> Iterator[Idea]:
    """Of a permutation: none, where the shape stays, or a reshape in its place."""
    first, result = view.first, view.call.result
    if first is None or not isinstance(result, Described) or len(first.shape) < 2:
        return
    if first.shape == result.shape:
        yield Idea("axis order", "permuted", "as they are", f"the port does not {view.call.name} there",
                   "no permutation", lambda func, args, kwargs: args[0], USUAL)  # fmt: skip
    yield Idea("axis order", "permuted", "reshaped", "the port reshapes where the reference permutes", "reshape for a "
               "permutation", lambda func, args, kwargs: args[0].reshape(func(*args, **kwargs).shape),
               USUAL)  # fmt: skip


def joined(view: View) -> Iterator[Idea]:
    """Of a concatenation or a stack: its parts in another order, or along another axis; a rotation's halves."""
    parts = view.call.args[0] if view.call.args else ()
    if not isinstance(parts, tuple | list) or not 2 <= len(parts) <= 4:
        return
    for order in list(permutations(range(len(parts))))[1:]:
        yield Idea("concatenation order", str(tuple(range(len(parts)))), str(order), "the port joins the parts in the "
                   f"order {order}", f"joined in the order {order}", _reordered(order),
                   USUAL if len(parts) == 2 else POSSIBLE)  # fmt: skip
    if len(parts) == 2 and view.call.name != "stack":
        yield from _rotation(view)


def _reordered(order: tuple[int, ...]) -> Any:
    return lambda func, args, kwargs: func([args[0][one] for one in order], *args[1:], **kwargs)


def _rotation(view: View) -> Iterator[Idea]:
    """cat((-x2, x1)) and cat((a, a)): the halves of a rotary embedding, which other models interleave."""
    text = "the port rotates neighbouring entries (interleaved), the reference halves"
    yield Idea("interleaved", "halves", "interleaved", text, "interleaved rotation", _interleaving, DEFAULT)
    yield Idea("rotation", "(-x2, x1)", "(x2, -x1)", "the port rotates the other way", "rotation the other way",
               lambda func, args, kwargs: -func(*args, **kwargs), RARE)  # fmt: skip


def _interleaving(func: Any, args: tuple, kwargs: dict) -> Tensor:
    first, second = args[0]
    if first is second:
        return first.repeat_interleave(2, -1)
    whole = torch.cat((second, -first), -1)  # what was halved: (x1, x2) of (-x2, x1)
    return torch.stack((-whole[..., 1::2], whole[..., ::2]), -1).flatten(-2)


def parted(view: View) -> Iterator[Idea]:
    """Of a split, chunk or unbind: the parts handed out in another order."""
    result = view.call.result
    if not isinstance(result, tuple | list) or not 2 <= len(result) <= 4:
        return
    if len({one.shape for one in result if isinstance(one, Described)}) > 1:
        return
    for order in list(permutations(range(len(result))))[1:]:
        own = str(tuple(range(len(result))))
        yield Idea("order of the parts", own, str(order), f"the port takes the parts of the {view.call.name} in the "
                   f"order {order}", f"parts in the order {order}", _handed(order),
                   USUAL if len(result) < 4 else RARE)  # fmt: skip
    yield Idea("order of the parts", "blocks", "every n-th entry", f"the port takes every {len(result)}th entry where "
               "the reference takes blocks", "interleaved parts", _dealt(len(result)), POSSIBLE)  # fmt: skip


def _handed(order: tuple[int, ...]) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        parts = func(*args, **kwargs)
        return tuple(parts[one] for one in order)

    return replacement


def _dealt(count: int) -> Any:
    def replacement(func: Any, args: tuple, kwargs: dict) -> Any:
        parts = func(*args, **kwargs)
        dim = kwargs.get("dim", args[2] if len(args) > 2 else 0)
        picked = [torch.arange(one, args[0].shape[dim], count) for one in range(count)]
        return tuple(args[0].index_select(dim, one).reshape(parts[0].shape) for one in picked)

    return replacement


def ordered(view: View) -> Iterator[Idea]:
    """Of a flip or a roll: none, and the other way."""
    name = view.call.name
    yield Idea(name, "there", "none", f"the port does not {name} there", f"no {name}",
               lambda func, args, kwargs: args[0], USUAL)  # fmt: skip


FAMILIES: dict[str, Family] = {
    **dict.fromkeys(("flatten", "reshape", "view", "unflatten"), reshaped),
    **dict.fromkeys(("permute", "transpose", "T", "mT", "t", "movedim", "moveaxis"), turned),
    **dict.fromkeys(("cat", "concat", "concatenate", "stack"), joined),
    **dict.fromkeys(("split", "chunk", "unbind", "tensor_split"), parted),
    **dict.fromkeys(("flip", "roll"), ordered),
}
