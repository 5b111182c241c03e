"""The arrays of a map array by array, each made when it is asked for: a large checkpoint is never there twice."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from compare.arrays.arrays import Shapes
from compare.arrays.made import Made
from compare.weights.entry import Entry
from compare.weights.weights import WeightMap


def of_each_leaf(weight_map: WeightMap) -> dict[str, WeightMap]:
    """The lines of each of the port's leaves, by its path."""
    return _by(weight_map.entries, lambda entry: entry.port)


def of_each_array(weight_map: WeightMap) -> dict[str, WeightMap]:
    """The lines of each of the reference's arrays, by its name, but for those that hold it once more."""
    return _by([entry for entry in weight_map.entries if not entry.tied], lambda entry: entry.reference)


def leaves_made(weight_map: WeightMap, arrays: Mapping[str, np.ndarray], leaves: Shapes) -> Made[np.ndarray]:
    """``WeightMap.to_port`` of weights, a leaf at a time.

    Args:
        arrays: the reference's, by name.
        leaves: the port's shapes, by path.
    """
    lines = of_each_leaf(weight_map)

    def made(path: str) -> np.ndarray:
        own = lines[path]
        return own.to_port({name: arrays[name] for name in own.references}, {path: leaves[path]})[path]

    return Made(lines, made)


def arrays_made(weight_map: WeightMap, leaves: Mapping[str, np.ndarray], shapes: Shapes) -> Made[np.ndarray]:
    """``WeightMap.to_reference`` of weights, an array at a time.

    Args:
        leaves: the port's, by path.
        shapes: the reference's, by name.
    """
    lines = of_each_array(weight_map)

    def made(name: str) -> np.ndarray:
        own = lines[name]
        held = {path: leaves[path] for path in own.ports}
        return own.to_reference(held, {name: shapes[name]}, values=True)[name]

    return Made(lines, made)


def _by(entries: Iterable[Entry], name: Callable[[Entry], str]) -> dict[str, WeightMap]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(name(entry), []).append(entry)
    return {own: WeightMap(lines) for own, lines in found.items()}
