"""Which entries are taken: positions counted from elsewhere, other indices, heads repeated or tiled."""

import operator
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch

from compare.explain.calls.call import Described
from compare.explain.calls.counting import Replacement
from compare.explain.doctor.segment.ideas import Family, Idea, View, afterwards, instead, value
from compare.explain.doctor.thresholds import DEFAULT, MOST_FILLED, POSSIBLE, RARE, USUAL


def positions(view: View) -> Iterator[Idea]:
    """Of ``arange``: one further, one less, from the end, the same everywhere, counted again behind a cache."""
    for shift in (1, -1):
        yield value("position", "i", f"i {shift:+d}", afterwards(partial(operator.add, shift)), POSSIBLE)
    yield value("position", "forwards", "backwards", afterwards(lambda own: own.flip(0)), RARE)
    yield value("position", "i", "0 everywhere", afterwards(torch.zeros_like), POSSIBLE)
    # A cache that is filled with so many entries and goes on from there.
    result = view.call.result
    length = result.shape[0] if isinstance(result, Described) and len(result.shape) == 1 else 0
    for filled in range(1, min(length, MOST_FILLED)):
        yield value("position", "i", f"counted from 0 again after {filled}", afterwards(partial(_again, filled)), RARE)
        if filled < length - 1:
            yield value("position", "i", f"0 after {filled}", afterwards(partial(_zero_after, filled)), RARE)


def _again(filled: int, own: torch.Tensor) -> torch.Tensor:
    return torch.cat([own[:filled], own[: len(own) - filled]])


def _zero_after(filled: int, own: torch.Tensor) -> torch.Tensor:
    return torch.cat([own[:filled], torch.zeros_like(own[filled:])])


def indexed(view: View) -> Iterator[Idea]:
    """Of ``x[...]``: another entry where a number stands, another stretch where a slice stands."""
    if len(view.call.args) != 2 or view.first is None:
        return
    index = view.call.args[1]
    items = index if isinstance(index, tuple) else (index,)
    yield from _inserted(items)
    for place, item in enumerate(items):
        for other, rank in _others(item, _length(view.shape, items, place)):
            text = f"the port takes {_said(other)} where the reference takes {_said(item)}"
            change = _at((*items[:place], other, *items[place + 1 :]))
            short = f"index {_shown(other)} for {_shown(item)}"
            yield Idea("index", _shown(item), _shown(other), change, rank, text, short)


def _inserted(items: tuple) -> Iterator[Idea]:
    """An axis of one inserted elsewhere: a column for a row, which meets the other operand along another axis."""
    kept = [item for item in items if item is not None]
    if len(kept) + 1 != len(items) or any(not isinstance(item, slice | int) for item in kept):
        return
    own = items.index(None)
    for place in range(len(items)):
        if place != own:
            text = f"the port inserts an axis at place {place} where the reference inserts it at place {own}"
            change = _at((*kept[:place], None, *kept[place:]))
            yield Idea("axis", str(own), str(place), change, POSSIBLE, text, f"an axis at place {place}")


def _length(shape: tuple[int, ...], items: tuple, place: int) -> int:
    before = items[:place]
    axis = place if Ellipsis not in before else len(shape) - (len(items) - place)
    return shape[axis] if None not in before and 0 <= axis < len(shape) else 0


def _others(item: Any, length: int) -> Iterator[tuple[Any, int]]:
    if isinstance(item, int) and not isinstance(item, bool) and length:
        own = item % length
        for other in dict.fromkeys((0, length - 1, own + 1, own - 1)):
            if 0 <= other < length and other != own:
                yield other, USUAL if other in (0, length - 1) else POSSIBLE
    if isinstance(item, slice) and length:
        start, stop, step = item.indices(length)
        count = len(range(start, stop, step))
        if step > 1:
            others = {(item.start or 0) * count}
        else:
            ends = {0} if start > 0 and stop == length else {length - count} if stop != length and count else set()
            others = {n for n in (start + 1, start - 1) if n >= 0 and n + count <= length} | ends
        yield from ((slice(n, n + count), POSSIBLE) for n in sorted(others) if step >= 1)


def _said(item: Any) -> str:
    if isinstance(item, slice):
        return f"entries {_shown(item)}"
    return {0: "the first entry", -1: "the last entry"}.get(item, f"entry {item}")


def _shown(item: Any) -> str:
    if not isinstance(item, slice):
        return str(item)
    ends = ["" if end is None else str(end) for end in (item.start, item.stop)]
    return ":".join(ends + ([str(item.step)] if item.step is not None else []))


def _at(index: tuple) -> Replacement:
    return lambda func, args, kwargs: func(args[0], index, **kwargs)


def repeated(view: View) -> Iterator[Idea]:
    """Of ``repeat_interleave`` along an axis: tiled; of ``repeat`` along one axis: each entry repeated."""
    given, shape = view.given, view.shape
    counts = given.get("repeats")
    if view.call.name == "repeat_interleave" and isinstance(counts, int) and isinstance(given.get("dim"), int):
        repeats = [counts if axis == given["dim"] % len(shape) else 1 for axis in range(len(shape))]
        tiled = instead(lambda x: x.repeat(repeats))
        yield value("repeat_interleave", "each entry", "the whole", tiled, DEFAULT)
    if view.call.name == "repeat" and isinstance(counts, list | tuple) and len(counts) == len(shape):
        several = [axis for axis, count in enumerate(counts) if count != 1]
        if len(several) == 1 and shape[several[0]] > 1:
            axis, count = several[0], counts[several[0]]
            each = instead(lambda x: x.repeat_interleave(count, axis))
            yield value("repeat_interleave", "the whole", "each entry", each)


FAMILIES: dict[str, Family] = {
    "arange": positions,
    "getitem": indexed,
    **dict.fromkeys(("repeat_interleave", "repeat"), repeated),
}
