"""What the map makes of the original's weights, array by array of the other side, with all that is known of each."""

from collections.abc import Iterable, Mapping
from itertools import takewhile

import numpy as np

from compare.arrays.arrays import Arrays, Shapes
from compare.arrays.views import View
from compare.weights.own.factor_orders import factor_orders
from compare.weights.own.line import ExpectedLine
from compare.weights.weights import WeightMap

LAST = 2.0**-22  # of the larger summands: a few last places of float32

Parts = dict[str, tuple[View, View]]  # by what they are made of, the views of the line, its own first
Orders = dict[tuple[int, ...], tuple[str, str]]  # as in ``ExpectedLine``


def expected_of_port(weight_map: WeightMap, right: Arrays, shapes: Shapes, leaves: Shapes) -> list[ExpectedLine]:
    """What each leaf of the port should be. ``right`` are the reference's arrays, ``shapes`` and ``leaves`` those
    mapped."""
    mapped = {name: right[name] for name in weight_map.references}
    made = weight_map.to_port(mapped, leaves)
    without = _without_each(weight_map, mapped, leaves)
    orders: dict[str, Orders] = {}
    for order in factor_orders(weight_map.entries, shapes, leaves):
        orders.setdefault(order.entry.port, {})[order.port] = (order.words[1], order.words[0])
    parts = _parts((entry.port, entry.reference, entry.port_view, entry.reference_view) for entry in weight_map.entries)
    offsets = {entry.port: entry.offset for entry in weight_map.entries if entry.offset}
    return _lines(made, mapped, parts, orders, without, offsets)


def expected_of_reference(weight_map: WeightMap, right: Arrays, shapes: Shapes, leaves: Shapes) -> list[ExpectedLine]:
    """What each array of the reference should be; of two that are summed, the first the sum, the second zero. ``right``
    are the port's leaves, ``shapes`` and ``leaves`` those mapped."""
    made = weight_map.to_reference({path: right[path] for path in weight_map.ports}, shapes, values=True)
    orders: dict[str, Orders] = {}
    for order in factor_orders(weight_map.entries, shapes, leaves):
        orders.setdefault(order.entry.reference, {})[order.reference] = order.words
    lines = [entry for entry in weight_map.entries if not entry.tied]
    parts = _parts((entry.reference, entry.port, entry.reference_view, entry.port_view) for entry in lines)
    offsets = {entry.reference: entry.offset for entry in lines if entry.offset}
    return _lines(made, right, parts, orders, offsets=offsets)


def _lines(
    made: Arrays,
    sources: Arrays,
    parts: Mapping[str, Parts],
    orders: Mapping[str, Orders],
    without: Mapping[str, Arrays] = {},
    offsets: Mapping[str, float] = {},
) -> list[ExpectedLine]:
    """A line for each array that the map has ``made`` of the other side's ``sources``; ``offsets``: what was added to
    some. A sum of three is not the same in every order, and where it is near to 0 no relative measure says how near."""
    return [
        ExpectedLine(
            name, [*parts[name]], array, _raw(parts[name], sources, array), without.get(name, {}), orders.get(name, {}),
            {source: here for source, (here, _) in parts[name].items()},
            LAST * (abs(offsets[name]) + float(np.max(np.abs(array), initial=0.0))) if name in offsets else 0.0,
        )
        for name, array in made.items()
    ]  # fmt: skip


def _parts(lines: Iterable[tuple[str, str, View, View]]) -> dict[str, Parts]:
    """Of each array."""
    by_name: dict[str, Parts] = {}
    for name, source, here, there in lines:
        by_name.setdefault(name, {})[source] = (here, there)
    return by_name


def _raw(parts: Parts, arrays: Arrays, made: np.ndarray) -> np.ndarray | None:
    """Of an array that is made of one alone, that as it lies in memory; of a part of it, the part."""
    if len(parts) != 1:
        return None
    (source, (_, there)), *_ = parts.items()
    cut = [*takewhile(lambda step: step[0] not in ("transpose", "flip"), there.steps)]
    if any(kind in ("index", "slice") for kind, _ in cut) and not there.of_parts:
        raw = View(tuple(cut)).of(arrays[source])
    else:
        raw = arrays[source]
    return raw if raw.size == made.size else None


def _without_each(weight_map: WeightMap, arrays: Arrays, leaves: Shapes) -> dict[str, dict[str, np.ndarray]]:
    """Of each leaf that holds a sum, its values without either of the two, by what is left out."""
    made: dict[str, dict[str, np.ndarray]] = {}
    summed = {entry.port for entry in weight_map.entries if entry.summed}
    for which in ("first", "second") if summed else ():
        changed = dict(arrays)
        names: dict[str, str] = {}
        for both in weight_map.summed:
            name, view = (both.first, both.first_view) if which == "first" else (both.second, both.second_view)
            changed[name] = np.array(changed[name])
            view.of(changed[name])[...] = 0
            names |= {entry.port: name for entry in weight_map.entries if entry.reference == name}
        for path, leaf in weight_map.to_port(changed, leaves).items():
            if path in summed:
                made.setdefault(path, {})[names.get(path, "one of them")] = leaf
    return made
