"""An optimizer's state, by slot and parameter: torch's dictionaries and optax's trees under torch's slot names.

What the two libraries call the same running value stands in the optimizer's row of ``compare.weights.twins``.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from compare.arrays.arrays import Arrays, from_torch, wide
from compare.weights.twins import fields_of

if TYPE_CHECKING:
    import torch

Leaf = TypeVar("Leaf")


def moments_of_torch(
    optimizer: "torch.optim.Optimizer",
    parameters: "Mapping[str, torch.nn.Parameter]",
    kept: Callable[[np.ndarray], np.ndarray] = lambda array: array,
) -> Arrays:
    """Every array in the state of a torch optimizer as ``optimizer/<slot>/<parameter>``; step counters left out.
    ``kept`` says where each lies."""
    moments: Arrays = {}
    for name, parameter in parameters.items():
        for slot, value in optimizer.state.get(parameter, {}).items():
            if getattr(value, "shape", None) == parameter.shape and fields_of(slot):
                moments[f"optimizer/{slot}/{name}"] = kept(wide(from_torch(value)))
    return moments


def moments_of_optax(
    state: object, flat: Callable[[object], Mapping[str, Leaf]], slots: set[str]
) -> dict[str, dict[str, Leaf]]:
    """The trees in an optax state that torch keeps too, by torch's slot: leaves by path, each set once.

    ``optax.partition`` and ``optax.masked`` keep a tree for each group of parameters, in which the others stand masked:
    together they are the tree of all.

    Args:
        state: any optax state.
        flat: from a tree like the parameters to leaves by path.
        slots: torch's slots to look for.
    """
    from compare.frameworks.optax_insides import whole  # which needs optax: a reference is recorded without

    trees: dict[str, dict[str, Leaf]] = {}
    fields = list(_fields(state))
    for slot in slots:
        for name in fields_of(slot):
            for field, tree in fields:
                if field == name:
                    try:
                        leaves = {path: whole(leaf) for path, leaf in flat(tree).items()}
                    except (ValueError, KeyError, TypeError, AttributeError):
                        continue  # its tree is not that of all parameters
                    held = {path: leaf for path, leaf in leaves.items() if hasattr(leaf, "dtype")}
                    trees[slot] = held | trees.get(slot, {})
    return {slot: leaves for slot, leaves in trees.items() if leaves}


def _fields(state: object) -> Iterator[tuple[str, object]]:
    """Every named field of every NamedTuple in a state, outermost first."""
    if hasattr(state, "_fields"):
        for name in state._fields:
            yield name, getattr(state, name)
            yield from _fields(getattr(state, name))
    elif isinstance(state, tuple | list):
        for item in state:
            yield from _fields(item)
    elif isinstance(state, dict):
        for item in state.values():
            yield from _fields(item)


def widened(arrays: Mapping[str, np.ndarray]) -> Arrays:
    """In float64, or complex128."""
    return {name: wide(array) for name, array in arrays.items()}
