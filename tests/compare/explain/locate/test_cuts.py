"""Nests of arrays: what is found in them, and put back."""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field
from typing import Any

import flax.struct
import numpy as np
import pytest
from flax import linen
from flax.core import FrozenDict

from compare.explain.locate.cuts import arrays_in, next_visit, substituted

Two = namedtuple("Two", ["a", "b"])


@dataclass
class Plain:
    a: Any
    b: Any = None
    made: int = field(default=7, init=False)


@flax.struct.dataclass
class Struct:
    a: Any
    b: Any = None


@dataclass
class Output(OrderedDict):
    """As transformers return: a dataclass and a dictionary at once."""

    a: Any = None
    b: Any = None

    def __post_init__(self) -> None:
        self.update({name: getattr(self, name) for name in ("a", "b") if getattr(self, name) is not None})


def is_array(item: Any) -> bool:
    return isinstance(item, np.ndarray)


NESTS = {
    "an array": lambda a, b: a,
    "a tuple": lambda a, b: (a, 3, None, b),
    "lists": lambda a, b: [[a], [b]],
    "a named tuple": lambda a, b: Two(a, (b, "word")),
    "dictionaries": lambda a, b: {"x": a, "y": OrderedDict(z=b)},
    "a frozen one": lambda a, b: FrozenDict({"x": a, "y": b}),
    "a dataclass": lambda a, b: Plain(a, [b]),
    "flax's": lambda a, b: Struct(a, {"b": b}),
    "transformers'": lambda a, b: (Output(a, b),),
}


@pytest.mark.parametrize("nest", NESTS.values(), ids=NESTS)
def test_the_arrays_of_a_nest_are_found_and_replaced(nest):
    """In order; everything else stays, kinds included."""
    a, b = np.arange(3), np.arange(4)
    item = nest(a, b)
    found = arrays_in(item, is_array)
    assert [id(one) for one in found.values()] == [id(a), id(b)][: len(found)]
    replaced = substituted(item, {key: one + 1 for key, one in found.items()}, is_array)
    assert repr(replaced) == repr(nest(a + 1, b + 1))
    assert type(replaced) is type(item)
    assert repr(item) == repr(nest(np.arange(3), np.arange(4)))


def test_one_array_in_two_places_is_one():
    """query = key = value."""
    a = np.arange(3)
    found = arrays_in(((a, a), {"value": a}), is_array)
    assert list(found.values()) == [a]
    (one, other), named = substituted(((a, a), {"value": a}), {id(a): -a}, is_array)
    assert one is other is named["value"]


@pytest.mark.parametrize("item", [Plain, linen.Dense(3), {1, 2}, "word", None, Plain(1)])
def test_what_is_no_nest_stays_itself(item):
    """A class, a module, a dataclass without arrays: none is taken apart."""
    assert arrays_in(item, is_array) == {}
    assert substituted(item, {}, is_array) is item


def test_calls_are_counted_by_path():
    """From 0."""
    counts: dict[str, int] = {}
    assert [next_visit(counts, path) for path in ("a", "b", "a", "a")] == [0, 0, 1, 2]
