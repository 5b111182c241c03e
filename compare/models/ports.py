"""A port as pure functions of flat leaves, whether it is a Linen module, an NNX module or a plain function.

A leaf is an array of the port by its path, collection first: ``params/Dense_0/kernel``, ``batch_stats/bn/mean``.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import jax
from flax import linen, nnx

from compare.errors import UsageError
from compare.models.modes import Mode

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


def port_model(port: Any, args: tuple, kwargs: dict, like: Mapping[str, Any]) -> PortModel:
    """``port`` as a model; ``args`` and ``kwargs`` are the shapes that a Linen module without variables is traced on,
    ``like`` the arrays that a function without parameters of its own takes by name.

    Raises:
        UsageError: ``port`` is none of the three.
    """
    from compare.models.functions import FunctionModel
    from compare.models.linen_models import LinenModel
    from compare.models.nnx_models import NNXModel

    given = None
    if isinstance(port, tuple) and len(port) == 2:
        port, given = port
    if isinstance(port, linen.Module):
        return LinenModel(port, given, args, kwargs)
    if isinstance(port, nnx.Module) and given is None:
        return NNXModel(port)
    if callable(port) and not isinstance(port, type | nnx.Module) and not _is_torchs(port):
        return FunctionModel(port, dict(like) if given is None else given)
    raise UsageError(
        f"port: expected a Linen module (alone or with its variables), an NNX module, or a function with its "
        f"parameters, got {type(port).__name__}"
    )


def _is_torchs(port: Any) -> bool:
    return any(kind.__module__.split(".")[0] == "torch" for kind in type(port).__mro__)


def path_of(keys: tuple[Any, ...]) -> str:
    """A path of JAX's tree keys, or of plain ones, in words: ``layers/0/kernel``."""
    return "/".join(str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))) for key in keys)


def struct(array: Any) -> jax.ShapeDtypeStruct:
    """Shape and dtype of an array; a Python number counts as one."""
    if not hasattr(array, "shape"):
        import numpy as np

        array = np.asarray(array)
    return jax.ShapeDtypeStruct(array.shape, array.dtype)
