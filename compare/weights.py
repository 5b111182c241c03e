"""The weight map: which entry of a torch ``state_dict`` is which leaf of the Flax variables, and the layout change.

Weights go to the port through it, gradients and updates come back through it, so that everything is compared in one
layout, the reference's.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.errors import UsageError

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Layout:
    """A change of axis order, and its inverse."""

    name: str
    to_port: Callable[[np.ndarray], np.ndarray]
    to_reference: Callable[[np.ndarray], np.ndarray]


SAME = Layout("same", lambda array: array, lambda array: array)
TRANSPOSE = Layout("transpose", lambda array: array.T, lambda array: array.T)


@dataclass(frozen=True)
class Entry:
    """One line of the map: ``reference`` names a ``state_dict`` entry, ``port`` is the path of a leaf."""

    reference: str
    port: tuple[str, ...]
    layout: Layout
    reason: str


def linear(reference: str, port: str) -> list[Entry]:
    """``torch.nn.Linear`` and ``flax.linen.Dense``: weight (out, in) is kernel (in, out), bias is bias."""
    path = tuple(port.split("/"))
    return [
        Entry(f"{reference}.weight", (*path, "kernel"), TRANSPOSE, "Linear stores (out, in), Dense (in, out)"),
        Entry(f"{reference}.bias", (*path, "bias"), SAME, "a bias has one axis"),
    ]


def same(*names: str) -> list[Entry]:
    """Loose arrays that both sides hold under one name and in one layout."""
    return [Entry(name, (name,), SAME, "both sides name and store it alike") for name in names]


class WeightMap:
    """A one-to-one map, strict both ways: nothing missing, nothing left over, every shape checked."""

    def __init__(self, *groups: Iterable[Entry]) -> None:
        self.entries = tuple(entry for group in groups for entry in group)

    def to_port(self, arrays: Arrays) -> dict[str, Any]:
        """The reference's arrays as the nested dictionary that Flax calls ``params``, each C-contiguous."""
        self._check_names(arrays, {entry.reference for entry in self.entries}, "the reference")
        tree: dict[str, Any] = {}
        for entry in self.entries:
            node = tree
            for key in entry.port[:-1]:
                node = node.setdefault(key, {})
            node[entry.port[-1]] = np.asarray(entry.layout.to_port(arrays[entry.reference]), order="C")
        return tree

    def to_reference(self, tree: dict[str, Any]) -> Arrays:
        """A tree in the port's layout (weights, gradients, updates) under the reference's names, in its layout."""
        leaves = dict(flatten(tree))
        self._check_names(leaves, {entry.port for entry in self.entries}, "the port")
        return {
            entry.reference: np.asarray(entry.layout.to_reference(leaves[entry.port]), order="C")
            for entry in self.entries
        }

    def check_port(self, shapes: dict[str, Any], arrays: Arrays) -> None:
        """Hold the port's own shapes, as a tree, against what the map would hand it.

        Raises:
            UsageError: a leaf is missing, left over, or of another shape.
        """
        wanted = dict(flatten(shapes))
        given = dict(flatten(self.to_port(arrays)))
        self._check_names(wanted, set(given), "the port")
        for path, array in given.items():
            if tuple(wanted[path].shape) != array.shape:
                raise UsageError(
                    f"weight map: the port's {'/'.join(path)} has shape {tuple(wanted[path].shape)}, the map gives it "
                    f"{array.shape}: check the sizes and the layout of that entry"
                )

    def explain(self) -> list[str]:
        """One line for each entry: both names, the layout change, and why."""
        return [
            f"{entry.reference} -> {'/'.join(entry.port)} ({entry.layout.name}: {entry.reason})"
            for entry in self.entries
        ]

    @staticmethod
    def _check_names(given: Iterable[Any], mapped: set[Any], side: str) -> None:
        given = set(given)
        for names, what in ((given - mapped, "is in no entry of the map"), (mapped - given, "does not exist")):
            if names:
                first = min(names)
                name = first if isinstance(first, str) else "/".join(first)
                raise UsageError(f"weight map: {name} of {side} {what}: every array must be mapped, one to one")


def flatten(tree: dict[str, Any], path: tuple[str, ...] = ()) -> Iterable[tuple[tuple[str, ...], Any]]:
    """The leaves of nested dictionaries, each with its path."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flatten(value, (*path, key))
        else:
            yield (*path, key), value


def uniform_fan_in(shapes: dict[str, tuple[int, ...]], rng: np.random.Generator) -> Arrays:
    """Initial weights in float64, each U(-1/sqrt(fan_in), 1/sqrt(fan_in)), as ``torch.nn.Linear`` draws them.

    A matrix is (out, in); a vector takes the fan-in of the matrix before it. No bias is 0, so a forgotten one shows.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html
    """
    arrays, fan_in = {}, 1
    for name, shape in shapes.items():
        fan_in = shape[-1] if len(shape) > 1 else fan_in
        bound = 1 / np.sqrt(fan_in)
        arrays[name] = rng.uniform(-bound, bound, shape)
    return arrays
