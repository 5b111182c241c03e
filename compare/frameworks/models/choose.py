"""Which kind of port a user's object is: a Linen module, an NNX module, or a function with its parameters."""

from collections.abc import Mapping
from typing import Any

from flax import linen, nnx

from compare.errors import UsageError
from compare.frameworks.models.functions import FunctionModel
from compare.frameworks.models.linen_models import LinenModel
from compare.frameworks.models.nnx_models import NNXModel
from compare.frameworks.models.ports import PortModel


def port_model(port: Any, args: tuple, kwargs: dict, like: Mapping[str, Any]) -> PortModel:
    """``port`` as a model; ``args`` and ``kwargs`` are the shapes that a Linen module without variables is traced on,
    ``like`` the arrays that a function without parameters of its own takes by name.

    Raises:
        UsageError: ``port`` is none of the three.
    """
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
