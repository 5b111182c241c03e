"""Where both sides are cut: an array that enters or leaves a layer."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, TypeGuard

import numpy as np

from compare.frameworks.models.choose import is_layer, nests

DICTIONARIES = (dict, OrderedDict)
Shape = tuple[int, ...]
Boundary = tuple[str, int, str]  # a layer's path, the number of its call, and the way
IN, OUT = "in", "out"


@dataclass(frozen=True, order=True)
class Cut:
    """The array number ``leaf`` of those that go ``way`` in the call number ``call`` of the layer at ``path``."""

    path: str
    call: int
    way: str
    leaf: int

    @property
    def boundary(self) -> Boundary:
        return self.path, self.call, self.way


@dataclass
class Passage:
    """What the reference was seen to do at one boundary of a layer, in float64 or at the working precision.

    Attributes:
        values: the distinct floating arrays that passed; cotangents: what came back to each: zero where nothing did,
            None where the reference asks for no gradient there.
        place: "file:line" of the user's code that calls the layer.
        number: how many of the torch calls noted had been made before.
        layers: paths of layers without a counterpart that have run since the passage before.
        tags: of each array the number of the tensor that came and of the one that goes on (``Described.tag``).
    """

    path: str
    call: int
    way: str
    values: list[np.ndarray] = field(default_factory=list)
    cotangents: list[np.ndarray | None] = field(default_factory=list)
    place: str = ""
    number: int = 0
    layers: tuple[str, ...] = ()
    tags: list[tuple[int, int]] = field(default_factory=list)

    @property
    def boundary(self) -> Boundary:
        return self.path, self.call, self.way


Visit = Callable[[str, int, str, list[Any]], Sequence[Any]]


def next_visit(counts: dict[str, int], path: str) -> int:
    """The number of this call of ``path``, from 0."""
    counts[path] = counts.get(path, -1) + 1
    return counts[path]


def substituted(item: Any, by: Mapping[int, object], is_array: Callable[[object], bool]) -> Any:
    """A nest of tuples, lists, dictionaries and dataclasses with its arrays, known by identity, replaced."""
    if is_array(item):
        return by.get(id(item), item)
    if (names := _fields(item)) and arrays_in(item, is_array):
        return replace(item, **{name: substituted(getattr(item, name), by, is_array) for name in names})
    kind: Callable[..., object] = type(item)
    if _is_dictionary(item):
        return kind({key: substituted(inner, by, is_array) for key, inner in item.items()})
    if isinstance(item, tuple | list):
        items = [substituted(inner, by, is_array) for inner in item]
        return kind(*items) if hasattr(item, "_fields") else kind(items)
    return item


def arrays_in(item: object, is_array: Callable[[object], bool]) -> dict[int, Any]:
    """The distinct arrays in such a nest, by identity, in order."""
    if is_array(item):
        return {id(item): item}
    arrays: dict[int, Any] = {}
    for inner in _inside(item):
        arrays |= {key: value for key, value in arrays_in(inner, is_array).items() if key not in arrays}
    return arrays


def _inside(item: object) -> Iterable[object]:
    if names := _fields(item):
        return [getattr(item, name) for name in names]
    if _is_dictionary(item):
        return item.values()
    return item if isinstance(item, tuple | list) else ()


def _is_dictionary(item: object) -> TypeGuard[Mapping[object, object]]:
    return type(item) in DICTIONARIES or type(item) in nests()


def _fields(item: object) -> list[str]:
    """A dataclass's fields, such as those of the outputs of transformers; a port's layer may be one, and no nest."""
    if not is_dataclass(item) or isinstance(item, type) or is_layer(item):
        return []
    return [one.name for one in fields(item) if one.init]
