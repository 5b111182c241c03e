"""A port with other values of some leaves that no line of the map sets."""

from collections.abc import Collection
from typing import Any

import jax.numpy as jnp

from compare.arrays.arrays import Arrays
from compare.frameworks.models.modes import Mode
from compare.frameworks.models.ports import Given, Leaves, PortModel, Tree


class WithValues:
    """``model`` with ``values`` by path in every run; all else it answers itself."""

    def __init__(self, model: PortModel, values: Arrays) -> None:
        self._model, self._values = model, values

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def apply(self, leaves: Given, args: tuple, kwargs: dict, mode: Mode) -> tuple[Tree, Leaves]:
        held = {path: jnp.asarray(array) for path, array in self._values.items()}
        return self._model.apply({**held, **leaves}, args, kwargs, mode)

    def widened(self, kept: Collection[str] = ()) -> "WithValues":
        return WithValues(self._model.widened(kept), self._values)
