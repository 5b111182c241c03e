"""Which entries are taken: positions counted from elsewhere, other indices, heads repeated or tiled."""

from collections.abc import Callable, Iterator
from typing import Any

import torch

from compare.explain.calls.call import Described
from compare.explain.doctor.segment.ideas import DEFAULT, POSSIBLE, RARE, USUAL, Family, Idea, View, afterwards


def positions(view: View) -> Iterator[Idea]:
    """Of ``arange``: one further, one less, from the end."""
    for shift, word in ((1, "1 later"), (-1, "1 earlier")):
        yield Idea("position", "i", f"i {shift:+d}", f"the port counts positions from {word} than the reference",
                   f"positions {shift:+d}", afterwards(_plus(shift)), POSSIBLE)  # fmt: skip
    yield Idea("position", "forwards", "backwards", "the port counts positions from the end", "positions backwards",
               afterwards(lambda one: one.flip(0)), RARE)  # fmt: skip


def indexed(view: View) -> Iterator[Idea]:
    """Of ``x[...]``: another entry where a number stands, another stretch where a slice stands."""
    if len(view.call.args) != 2 or view.first is None:
        return
    index = view.call.args[1]
    items = index if isinstance(index, tuple) else (index,)
    for place, item in enumerate(items):
        for other, word, rank in _others(item, _length(view.first, items, place)):
            made = (*items[:place], other, *items[place + 1 :])
            yield Idea("index", _shown(item), _shown(other), f"the port takes {word} where the reference takes "
                       f"{_said(item)}", f"index {_shown(other)} for {_shown(item)}", _at(made), rank)  # fmt: skip


def _length(tensor: Described, items: tuple, place: int) -> int:
    before = items[:place]
    axis = place if Ellipsis not in before else len(tensor.shape) - (len(items) - place)
    return tensor.shape[axis] if None not in before and 0 <= axis < len(tensor.shape) else 0


def _others(item: Any, length: int) -> Iterator[tuple[Any, str, int]]:
    if isinstance(item, int) and not isinstance(item, bool):
        own = item % length if length else item
        candidates = [0, length - 1, own + 1, own - 1] if length else []
        for other in dict.fromkeys(one for one in candidates if 0 <= one < length and one != own):
            yield other, _said(other, length), USUAL if other in (0, length - 1) else POSSIBLE
    if isinstance(item, slice) and length and item.step in (None, 1):
        start, stop, _ = item.indices(length)
        for shift in (1, -1):
            if start + shift >= 0 and stop + shift <= length:
                yield slice(start + shift, stop + shift), f"entries {start + shift} to {stop + shift - 1}", POSSIBLE
        if 0 < stop - start < length and stop != length:
            yield slice(length - (stop - start), length), f"the last {stop - start}", POSSIBLE
        if start > 0 and stop == length:
            yield slice(0, stop - start), f"the first {stop - start}", POSSIBLE
    if isinstance(item, slice) and isinstance(item.step, int) and item.step > 1 and length:
        count = len(range(*item.indices(length)))
        start = (item.start or 0) * count
        yield slice(start, start + count), f"a block of {count}", POSSIBLE


def _said(item: Any, length: int = 0) -> str:
    if isinstance(item, slice):
        return f"entries {_shown(item)}"
    return {0: "the first entry", -1: "the last entry", length - 1: "the last entry"}.get(item, f"entry {item}")


def _shown(item: Any) -> str:
    if not isinstance(item, slice):
        return str(item)
    ends = ["" if one is None else str(one) for one in (item.start, item.stop)]
    return ":".join(ends + ([str(item.step)] if item.step is not None else []))


def _at(index: tuple) -> Any:
    return lambda func, args, kwargs: func(args[0], index, **kwargs)


def repeated(view: View) -> Iterator[Idea]:
    """Of ``repeat_interleave`` along an axis: tiled; of ``repeat`` along one axis: each entry repeated."""
    name, args, kwargs = view.call.name, view.call.args, view.call.kwargs
    shape = view.first.shape if view.first else ()
    if name == "repeat_interleave":
        dim = kwargs.get("dim", args[2] if len(args) > 2 else None)
        count = kwargs.get("repeats", args[1] if len(args) > 1 else None)
        if isinstance(count, int) and isinstance(dim, int):
            repeats = [count if axis == dim % len(shape) else 1 for axis in range(len(shape))]
            yield Idea("repeat_interleave", "each entry", "the whole", f"the port tiles {count} times where the "
                       "reference repeats each entry (repeat_interleave)", "tiled",
                       lambda func, args, kwargs: args[0].repeat(repeats), DEFAULT)  # fmt: skip
    if name == "repeat":
        counts = list(args[1]) if len(args) == 2 and isinstance(args[1], tuple | list) else list(args[1:])
        several = [axis for axis, count in enumerate(counts) if count != 1]
        if len(counts) == len(shape) and len(several) == 1 and shape[several[0]] > 1:
            axis = several[0]
            yield Idea("repeat_interleave", "the whole", "each entry", f"the port repeats each entry {counts[axis]} "
                       "times where the reference tiles", "each entry repeated", lambda func, args, kwargs:
                       torch.repeat_interleave(args[0], counts[axis], axis), USUAL)  # fmt: skip


FAMILIES: dict[str, Family] = {
    "arange": positions,
    "getitem": indexed,
    **dict.fromkeys(("repeat_interleave", "repeat"), repeated),
}


def _plus(shift: int) -> Callable[[Any], Any]:
    return lambda one: one + shift
