"""Tensors of indices: one further, from the end, in the order in which they are, or another tensor of integers."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map_only

from compare.explain.calls.call import Call, Described, tensors_of
from compare.explain.calls.change import Change
from compare.explain.calls.counting import Function, Replacement
from compare.explain.calls.scene import Scene
from compare.explain.doctor.segment.ideas import Family, Idea, View, altered, instead, value
from compare.explain.doctor.suspect import Suspect
from compare.explain.doctor.thresholds import MOST_INDEXED, POSSIBLE, USUAL

Tensor = torch.Tensor
_ALONG = ("gather", "index_select", "take_along_dim", "scatter", "scatter_add", "scatter_reduce", "index_add",
          "index_reduce", "index_copy")  # fmt: skip
_INTEGERS = ("int64", "int32")


def along(view: View) -> Iterator[Idea]:
    """Of a call that takes an axis and indices along it: others."""
    axis = view.given.get("dim")
    if not isinstance(axis, int) or not view.shape:
        return
    yield from _others(lambda change: _indexing(lambda own, first: change(own, axis, first.shape[axis])))


def indexed(view: View) -> Iterator[Idea]:
    """Of ``x[...]`` by tensors of integers: others along the axis that each indexes."""
    if len(view.call.args) != 2:
        return
    items = view.call.args[1] if isinstance(view.call.args[1], tuple | list) else (view.call.args[1],)
    places = [place for place, item in enumerate(items) if _is_index(item)]
    if not places or any(item is None or item is Ellipsis for item in items[: places[-1]]):
        return
    place = places[-1]  # the ones before it count the rows, mostly
    if place < len(view.shape):
        yield from _others(lambda change: _at(place, lambda own, n: change(own, own.ndim - 1, n)))


def looked_up(view: View) -> Iterator[Idea]:
    """Of an embedding: other rows of its table."""
    yield from _others(lambda change: altered(
        input=lambda own: change(own["input"], own["input"].ndim - 1, own["weight"].shape[0])))  # fmt: skip


_WHOLE: dict[str, Callable[..., Tensor]] = {"mean": torch.mean, "sum": torch.sum, "maximum": torch.amax}


def entry(view: View) -> Iterator[Idea]:
    """Of ``x[:, 0]``: something of the whole axis."""
    items = view.call.args[1] if len(view.call.args) == 2 else ()
    items = items if isinstance(items, tuple | list) else (items,)
    places = [axis for axis, item in enumerate(items) if isinstance(item, int) and not isinstance(item, bool)]
    if len(places) != 1 or any(item != slice(None) for axis, item in enumerate(items) if axis != places[0]):
        return
    for word, function in _WHOLE.items():
        text = (
            f"the port takes the {word} over axis {places[0]} where the reference takes entry {items[places[0]]} of it"
        )
        change = instead(partial(function, dim=places[0]))
        yield Idea("reduction", f"entry {items[places[0]]}", word, change, POSSIBLE, text, f"the {word} for an entry")


def whole_axis(view: View) -> Iterator[Idea]:
    """Of a mean or a sum over an axis: its first or last entry."""
    axis, keeps = view.given.get("dim"), bool(view.given.get("keepdim"))
    axis = axis[0] if isinstance(axis, tuple | list) and len(axis) == 1 else axis
    if not isinstance(axis, int) or isinstance(axis, bool):
        return
    for word, at in (("first", 0), ("last", -1)):
        text = f"the port takes the {word} entry of axis {axis} where the reference takes the {view.call.name} over it"
        change = instead(partial(_entry_of, axis, at, keeps))
        yield Idea("reduction", view.call.name, f"{word} entry", change, POSSIBLE, text, f"the {word} entry")


def _entry_of(axis: int, at: int, keeps: bool, own: Tensor) -> Tensor:
    taken = own.select(axis, at)
    return taken.unsqueeze(axis) if keeps else taken


def _others(made: Callable[[Callable[[Tensor, int, int], Tensor]], Replacement]) -> Iterator[Idea]:
    """``made`` of another index: by its own, its axis and the length of what is indexed, which the run tells."""
    for word, change, rank in (
        ("from the end", lambda own, axis, n: n - 1 - own, USUAL),
        ("the last for all", lambda own, axis, n: torch.full_like(own, n - 1), USUAL),
        ("the first for all", lambda own, axis, n: torch.zeros_like(own), USUAL),
        ("one further", lambda own, axis, n: (own + 1) % n, POSSIBLE),
        ("one before", lambda own, axis, n: (own - 1) % n, POSSIBLE),
        ("in order", _in_order, USUAL),
        ("backwards along the whole axis", lambda own, axis, n: n - 1 - _in_order(own, axis, n), USUAL),
    ):
        text = f"the port takes {_TAKEN[word]}, the reference by the indices that are given"
        yield value("index", "as given", word, made(change), rank, text)


_TAKEN = {
    "from the end": "entries by indices from the end", "the last for all": "the last entry for every index",
    "the first for all": "the first entry for every index", "one further": "entries one further",
    "one before": "entries one before", "in order": "entries in order",
    "backwards along the whole axis": "entries in order from the end",
}  # fmt: skip


def _in_order(own: Tensor, axis: int, length: int) -> Tensor:
    count = own.shape[axis]
    shape = [1] * own.ndim
    shape[axis] = count
    return torch.arange(count, dtype=own.dtype).reshape(shape).expand_as(own) % length


def _is_index(item: object) -> bool:
    return isinstance(item, Described) and item.dtype in _INTEGERS and len(item.shape) > 0


def _integers(tensor: Tensor) -> bool:
    return tensor.dtype in (torch.int64, torch.int32) and tensor.ndim > 0


def _indexing(change: Callable[[Tensor, Tensor], Tensor]) -> Replacement:
    """The call with every tensor of integers in it changed, which is told the call's first tensor too."""

    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        first = next(leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor))
        changed = tree_map_only(Tensor, lambda own: change(own, first) if _integers(own) else own, (args, kwargs))
        return func(*changed[0], **changed[1])

    return replacement


def _at(place: int, change: Callable[[Tensor, int], Tensor]) -> Replacement:
    def replacement(func: Function, args: tuple, kwargs: dict) -> Any:
        items = args[1] if isinstance(args[1], tuple | list) else (args[1],)
        changed = change(items[place], args[0].shape[place])
        return func(args[0], (*items[:place], changed, *items[place + 1 :]), **kwargs)

    return replacement


def of_others(scene: Scene) -> Iterator[Suspect[Change]]:
    """Neighbouring calls that index by one tensor: by another of its shape that was seen before them, as the sources of
    a graph's edges for their targets."""
    indexing = [call for call in scene.calls if (call.name in _ALONG or call.name == "getitem") and _shape_of(call)]
    sources = [call for call in (*scene.cleared, *scene.calls) if _shapes_in(call)]
    for start in range(len(indexing)):
        for stop in range(len(indexing), start, -1):
            calls = indexing[start:stop]
            shapes = {_shape_of(call) for call in calls}
            if len(calls) > MOST_INDEXED or len(shapes) > 1:
                continue
            before = [call for call in sources if call.number < calls[0].number and shapes <= _shapes_in(call)]
            yield from (_by_other(calls, source) for source in before[:MOST_INDEXED])


def _by_other(calls: Sequence[Call], source: Call) -> Suspect[Change]:
    seen: list[Tensor] = []

    def noting(func: Function, args: tuple, kwargs: dict) -> Any:
        result = func(*args, **kwargs)
        leaves = [leaf for leaf in tree_leaves((result, args, kwargs)) if isinstance(leaf, Tensor)]
        seen[:] = [leaf for leaf in leaves if _integers(leaf)]
        return result

    replaced = _indexing(lambda own, _: next((one for one in seen if one.shape == own.shape), own))
    change = Change(calls={source.number: noting} | {call.number: replaced for call in calls})
    names = ", ".join(dict.fromkeys(call.name for call in calls))
    text = f"the port indexes by what enters {source.name} ({source.place}) in {names} ({calls[0].place})"
    return Suspect("index", "its own", f"that of {source.name}", change, POSSIBLE, text, f"{names} by another index")


def _shape_of(call: Call) -> tuple[int, ...]:
    """Of the indices that a call takes; empty where it takes none, or several of different shapes."""
    shapes = {one.shape for one in tensors_of((call.args, call.kwargs)) if _is_index(one)}
    return shapes.pop() if len(shapes) == 1 else ()


def _shapes_in(call: Call) -> set[tuple[int, ...]]:
    return {one.shape for one in tensors_of([call.args, call.kwargs, call.result]) if _is_index(one)}


def _of_getitem(view: View) -> Iterator[Idea]:
    yield from indexed(view)
    yield from entry(view)


FAMILIES: dict[str, Family] = {
    **dict.fromkeys(_ALONG, along),
    **dict.fromkeys(("mean", "sum", "amax"), whole_axis),
    "getitem": _of_getitem,
    "embedding": looked_up,
}
