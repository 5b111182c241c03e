"""An optimizer's state, by slot and parameter: torch's dictionaries and optax's trees under torch's slot names."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from compare.arrays.arrays import Arrays

if TYPE_CHECKING:
    import torch

Leaf = TypeVar("Leaf")

# What the two libraries call the same running value: the state of each class of torch.optim, the fields of each state
# of optax. Sources: https://docs.pytorch.org/docs/stable/optim.html,
# https://optax.readthedocs.io/en/latest/api/transformations.html
SLOTS = {
    "momentum_buffer": "trace",
    "exp_avg": "mu",
    "exp_avg_sq": "nu",
    "max_exp_avg_sq": "nu_max",
    "square_avg": "nu",
    "grad_avg": "mu",
    "exp_inf": "nu",
    "acc_delta": "e_x",
    "sum": "sum_of_squares",
}
ALSO = {"square_avg": ("e_g",)}  # Adadelta's


def moments_of_torch(optimizer: "torch.optim.Optimizer", parameters: "Mapping[str, torch.nn.Parameter]") -> Arrays:
    """Every array in the state of a torch optimizer as ``optimizer/<slot>/<parameter>``; step counters left out."""
    moments: Arrays = {}
    for name, parameter in parameters.items():
        for slot, value in optimizer.state.get(parameter, {}).items():
            if getattr(value, "shape", None) == parameter.shape and slot in SLOTS:
                moments[f"optimizer/{slot}/{name}"] = value.detach().cpu().double().numpy().copy()
    return moments


def moments_of_optax(state: object, flat: Callable[[object], Leaf], slots: set[str]) -> dict[str, Leaf]:
    """The trees in an optax state that torch keeps too, by torch's slot: leaves by path, each set once.

    Args:
        state: any optax state.
        flat: from a tree like the parameters to leaves by path.
        slots: torch's slots to look for.
    """
    trees: dict[str, Leaf] = {}
    fields = list(_fields(state))
    for slot in slots:
        for name in (SLOTS[slot], *ALSO.get(slot, ())):
            for field, tree in fields:
                if field == name and slot not in trees:
                    try:
                        trees[slot] = flat(tree)
                    except (ValueError, KeyError, TypeError, AttributeError):
                        continue  # a masked state: its tree is not that of all parameters
    return trees


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
    """In float64."""
    return {name: np.asarray(array, np.float64) for name, array in arrays.items()}
