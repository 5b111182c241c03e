"""A port as pure functions of flat leaves, whether it is a Linen module, an NNX module or a plain function.

A leaf is an array of the port by its path, collection first: ``params/Dense_0/kernel``, ``batch_stats/bn/mean``.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import jax
import numpy as np

from compare.frameworks.models.modes import Mode

Tree = Any
Leaves = dict[str, Any]


class PortModel(Protocol):
    """What the comparison needs of a port.

    Attributes:
        leaves: shape and dtype of every array, by path.
        modules: the layers by path, where the port has any: what a leaf belongs to.
        has_mode: whether training and evaluation are told apart.
    """

    @property
    def leaves(self) -> dict[str, jax.ShapeDtypeStruct]: ...

    @property
    def modules(self) -> Mapping[str, Any]: ...

    @property
    def has_mode(self) -> bool: ...

    def apply(self, leaves: Leaves, args: tuple, kwargs: dict, mode: Mode) -> tuple[Tree, Leaves]:
        """The outputs, and the leaves outside ``params`` as the call leaves them (running statistics)."""

    def tree(self, leaves: Leaves) -> Tree:
        """The leaves of ``params`` as the tree that the port's own training code hands to optax."""

    def flat(self, tree: Tree) -> Leaves:
        """A tree like that of ``tree`` as leaves."""

    def initial(self, paths: list[str]) -> dict[str, Any]:
        """The values with which the model starts, of some leaves outside ``params``, in NumPy."""

    def fix(self, paths: list[str]) -> None:
        """Give every run these leaves, which no entry of the map sets, as the model initialises them."""

    def widened(self) -> "PortModel":
        """The same model, its layers' explicit dtypes at float64."""


def path_of(keys: tuple[Any, ...]) -> str:
    """A path of JAX's tree keys, or of plain ones, in words: ``layers/0/kernel``."""
    return "/".join(str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))) for key in keys)


def struct(array: Any) -> jax.ShapeDtypeStruct:
    """Shape and dtype of an array; a Python number counts as one."""
    if not hasattr(array, "shape"):
        array = np.asarray(array)
    return jax.ShapeDtypeStruct(array.shape, array.dtype)
