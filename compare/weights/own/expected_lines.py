"""What the map makes of the original's weights, array by array of the other side, with all that is known of each."""

from collections.abc import Iterable, Mapping
from itertools import takewhile

import numpy as np

from compare.arrays.arrays import Arrays, Shapes
from compare.arrays.made import Made
from compare.arrays.views import View
from compare.weights.entry import Entry
from compare.weights.own.factor_orders import factor_orders
from compare.weights.own.line import ExpectedLine
from compare.weights.weights import WeightMap
from compare.weights.when_asked import arrays_made, leaves_made, of_each_array, of_each_leaf

LAST = 2.0**-22  # of the larger summands: a few last places of float32

Parts = dict[str, tuple[View, View]]  # by what they are made of, the views of the line, its own first
Orders = dict[tuple[int, ...], tuple[str, str]]  # as in ``ExpectedLine``


def expected_of_port(
    weight_map: WeightMap, right: Arrays, shapes: Shapes, leaves: Shapes
) -> Mapping[str, ExpectedLine]:
    """What each leaf of the port should be, made when it is asked for. ``right`` are the reference's arrays, ``shapes``
    and ``leaves`` those mapped."""
    lines, made = of_each_leaf(weight_map), leaves_made(weight_map, right, leaves)
    orders: dict[str, Orders] = {}
    for order in factor_orders(weight_map.entries, shapes, leaves):
        orders.setdefault(order.entry.port, {})[order.port] = (order.words[1], order.words[0])

    def line(path: str) -> ExpectedLine:
        own = lines[path]
        mapped = {name: right[name] for name in own.references}
        parts = {entry.reference: (entry.port_view, entry.reference_view) for entry in own.entries}
        without = _without_each(own, mapped, path, leaves)
        return _line(path, made[path], mapped, parts, orders, own.entries, without)

    return Made(lines, line)


def expected_of_reference(
    weight_map: WeightMap, right: Arrays, shapes: Shapes, leaves: Shapes
) -> Mapping[str, ExpectedLine]:
    """What each array of the reference should be, made when it is asked for; of two that are summed, the first the sum,
    the second zero. ``right`` are the port's leaves, ``shapes`` and ``leaves`` those mapped."""
    lines, made = of_each_array(weight_map), arrays_made(weight_map, right, shapes)
    orders: dict[str, Orders] = {}
    for order in factor_orders(weight_map.entries, shapes, leaves):
        orders.setdefault(order.entry.reference, {})[order.reference] = order.words

    def line(name: str) -> ExpectedLine:
        own = lines[name]
        held = {path: right[path] for path in own.ports}
        parts = {entry.port: (entry.reference_view, entry.port_view) for entry in own.entries}
        return _line(name, made[name], held, parts, orders, own.entries, {})

    return Made(lines, line)


def _line(
    name: str,
    made: np.ndarray,
    sources: Arrays,
    parts: Parts,
    orders: Mapping[str, Orders],
    entries: Iterable[Entry],
    without: Arrays,
) -> ExpectedLine:
    """The line of an array that the map has ``made`` of the other side's ``sources``. A sum of three is not the same in
    every order, and where it is near to 0 no relative measure says how near: there the line has some room."""
    offset = next((entry.offset for entry in reversed([*entries]) if entry.offset), 0.0)
    return ExpectedLine(
        name, [*parts], made, _raw(parts, sources, made), without, orders.get(name, {}),
        {source: here for source, (here, _) in parts.items()},
        LAST * (abs(offset) + float(np.max(np.abs(made), initial=0.0))) if offset else 0.0,
    )  # fmt: skip


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


def _without_each(own: WeightMap, arrays: Arrays, path: str, leaves: Shapes) -> dict[str, np.ndarray]:
    """Of a leaf that holds a sum, its values without either of the two, by what is left out."""
    made: dict[str, np.ndarray] = {}
    for which in ("first", "second") if own.summed else ():
        changed = dict(arrays)
        left_out = ""
        for both in own.summed:
            name, view = (both.first, both.first_view) if which == "first" else (both.second, both.second_view)
            changed[name] = np.array(changed[name])
            view.of(changed[name])[...] = 0
            left_out = name
        made[left_out] = own.to_port(changed, {path: leaves[path]})[path]
    return made
