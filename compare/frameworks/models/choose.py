"""The kinds of port there are, one row each, and which of them a user's object is.

A row says where the kind's file is; it is imported when the kind's library is there already, since before that no
value can be of the kind. Everything that others ask of a kind stands in its file (``ports.PortModel``).
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from compare.errors import UsageError

if TYPE_CHECKING:
    from compare.arrays.arrays import Arrays
    from compare.frameworks.models.ports import PortModel
    from compare.frameworks.models.random_streams import Streams


@dataclass(frozen=True)
class Streamed:
    """A user's port with the names of the random streams that it needs, and of the reference's buffers."""

    port: object
    streams: "Streams" = ()
    still: tuple[str, ...] = ()


@dataclass(frozen=True)
class SideKind:
    """One kind of port.

    Attributes:
        expects: what a user may give, in the message for what is none of them.
        file: of this folder; model: the class in it.
        library: no value of the kind exists before it is imported; empty where there is none.
        numbered: how the library names layers that have no name, as a regular expression: such a name says nothing.
    """

    expects: str
    file: str
    model: str
    library: str = ""
    numbered: str = ""

    @property
    def is_loaded(self) -> bool:
        return not self.library or sys.modules.get(self.library) is not None

    def load(self) -> "type[PortModel]":
        return getattr(import_module(f"compare.frameworks.models.{self.file}"), self.model)


KINDS = (
    SideKind(
        "a Linen module (alone or with its variables)", "linen_models", "LinenModel", "flax.linen",
        numbered=r"[A-Z][A-Za-z0-9]*_\d+",
    ),
    SideKind("an NNX module", "nnx_models", "NNXModel", "flax.nnx"),
    SideKind(
        "an Equinox module (alone, with its state, or as (function, module))", "equinox_models", "EquinoxModel",
        "equinox",
    ),
    SideKind("a function with its parameters", "functions", "FunctionModel"),
)  # fmt: skip

# The top-level packages whose code is nobody's model: JAX, and what the kinds are written in.
LIBRARIES = tuple(dict.fromkeys(["jax", *(kind.library.partition(".")[0] for kind in KINDS if kind.library)]))


def loaded() -> "Iterator[type[PortModel]]":
    """The kinds of which a value can exist by now, in the order of the rows."""
    return (kind.load() for kind in KINDS if kind.is_loaded)


def port_model(port: object, args: tuple, kwargs: dict, like: "Arrays") -> "PortModel":
    """``port``, or one that is ``Streamed``, as a model; ``args`` and ``kwargs`` are the shapes that a Linen module
    without variables is traced on, ``like`` the arrays that a function without parameters of its own takes by name.

    Raises:
        UsageError: ``port`` is of no kind.
    """
    port, streams, still = (port.port, port.streams, port.still) if isinstance(port, Streamed) else (port, (), ())
    given = port[0] if isinstance(port, tuple) and len(port) == 2 else port
    for row in KINDS:
        # A module with something beside it that its kind does not take is not a function with its parameters.
        if row.is_loaded and (row.library or not is_layer(given)):
            model = row.load().of(port, args, kwargs, like, streams, still)
            if model is not None:
                return model
    *others, last = [kind.expects for kind in KINDS]
    raise UsageError(f"port: expected {', '.join(others)}, or {last}, got {_came(given)}")


def _came(given: object) -> str:
    """The name of its class; of a torch module, that it is one: it may be called like a layer of the port's."""
    of_torch = any(
        f"{kind.__module__}.{kind.__name__}" == "torch.nn.modules.module.Module" for kind in type(given).__mro__
    )
    return f"{type(given).__name__}, a torch.nn.Module: that is a reference" if of_torch else type(given).__name__


def kind_of_port(layer: object) -> "type[PortModel] | None":
    """The kind that a layer is a module of; None for anything else."""
    return next((kind for kind in loaded() if kind.is_layer(layer)), None)


def is_layer(value: object) -> bool:
    """Whether a value is a module of any kind."""
    return kind_of_port(value) is not None


def is_function_alone(port: object) -> bool:
    """Whether a port is a function without parameters of its own: it takes the reference's by name."""
    return callable(port) and not isinstance(port, type) and not hasattr(port, "apply") and not is_layer(port)


def nests() -> tuple[type, ...]:
    """The dictionaries in which layers hand arrays to each other, beside Python's own."""
    return tuple(nest for kind in loaded() for nest in kind.nests)
