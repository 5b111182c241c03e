"""What a kind of port answers, so that nobody else asks what it was written as.

A leaf is an array of the port by its path, collection first: ``params/Dense_0/kernel``, ``batch_stats/bn/mean``.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import DTypeLike

from compare.arrays.arrays import Arrays
from compare.frameworks.models.modes import Mode
from compare.frameworks.models.random_streams import Streams

Tree = Any  # any pytree of arrays
Layer = Any  # a module of the kind's library
Leaves = dict[str, jax.Array]
Given = Mapping[str, jax.Array | np.ndarray]  # leaves that enter
Settings = dict[str, object]  # of a layer, by name: numbers, flags, tuples, names


class Around(Protocol):
    """Stands around the call of a layer: gets what enters it, calls it, and gives back what goes on."""

    def __call__(
        self, path: str, call: Callable[[tuple, dict], Tree], args: tuple, kwargs: dict, rows: bool = False
    ) -> Tree:
        """``rows``: the layer may be running on one row, inside ``jax.vmap`` (see ``vmap_levels``)."""


@dataclass(frozen=True)
class Draws:
    """Where a library's layers draw random numbers.

    Attributes:
        layers: its modules whose ``jax.random`` draws dropout masks; attention: those that draw attention's.
        name: what they call ``jax.random``.
        rows: its layers are written for one row, and are dropped out inside ``jax.vmap``.
        rate: a layer's dropout rate, where the library hands ``jax.random`` a traced number.
        bodies: further modules, each with what runs its body more than once: "a scan or a loop".
        shapes: (module, function) of frames in which an initializer runs for its shape alone, and draws nothing.
    """

    layers: tuple[str, ...] = ()
    attention: tuple[str, ...] = ()
    name: str = "random"
    rows: bool = False
    rate: Callable[[Layer], float] | None = None
    bodies: Mapping[str, str] = field(default_factory=dict)
    shapes: frozenset[tuple[str, str]] = frozenset()


class PortModel(Protocol):
    """A user's port as pure functions of flat leaves, whatever it was written as.

    Attributes:
        draws: where the kind's library draws random numbers.
        nests: its dictionaries, beside Python's own, in which layers hand arrays to each other.
        leaves: shape and dtype of every array, by path.
        annotated: of leaves, how the port's own code spreads them over a mesh: a ``PartitionSpec``, or names of axes.
        modules: the layers by path, where the port has any: what a leaf belongs to.
        has_mode: whether training and evaluation are told apart.
        has_own: whether it came with weights of its own.
    """

    draws: ClassVar[Draws]
    nests: ClassVar[tuple[type, ...]]

    @classmethod
    def of(
        cls, port: object, args: tuple, kwargs: dict, like: Arrays, streams: Streams = (), still: Collection[str] = ()
    ) -> "PortModel | None":
        """What a user gave as the port, as a model; None where it is not of this kind.

        Args:
            args, kwargs: the shapes on which a port without arrays of its own is traced.
            like: the arrays that a function without parameters of its own takes by name.
            streams: the random streams that every run is given keys of.
            still: the reference's buffers: what a function's own arrays of these names are.
        """

    @staticmethod
    def is_layer(value: object) -> bool:
        """Whether a value is a module of this kind."""

    @staticmethod
    def path(layer: Layer, running: Sequence[Layer]) -> str:
        """The path of a layer; ``running`` are the layers of this kind that were running, outermost first."""

    @staticmethod
    def settings(layer: Layer) -> Settings:
        """A layer's settings under the names that Flax's layers have for them, as far as they can be read."""

    @staticmethod
    def library_class(layer: Layer) -> str:
        """The name of the library's own class that a layer is one of, as Flax calls it; empty for a user's own."""

    @property
    def leaves(self) -> dict[str, jax.ShapeDtypeStruct]: ...

    @property
    def annotated(self) -> Mapping[str, object]: ...

    @property
    def modules(self) -> Mapping[str, Layer]: ...

    @property
    def has_mode(self) -> bool: ...

    @property
    def has_own(self) -> bool: ...

    def apply(self, leaves: Given, args: tuple, kwargs: dict, mode: Mode) -> tuple[Tree, Leaves]:
        """The outputs, and the leaves outside ``params`` as the call leaves them (running statistics)."""

    def tree(self, leaves: Given) -> Tree:
        """The leaves of ``params`` as the tree that the port's own training code hands to optax."""

    def flat(self, tree: Tree) -> Leaves:
        """A tree like that of ``tree`` as leaves."""

    def initial(self, paths: list[str]) -> dict[str, np.ndarray]:
        """The values with which the model starts, of some leaves, in NumPy."""

    def held_in(self, given: object) -> Arrays:
        """The leaves of what a user holds the weights in (variables, a module, a pytree), as far as it has them.

        Raises:
            UsageError: it is nothing that this kind holds its weights in.
        """

    def holding(self, leaves: Arrays) -> object:
        """What a user of this kind holds weights in, with these leaves in the place of the model's own."""

    def fix(self, paths: list[str]) -> None:
        """Give every run these leaves, which no entry of the map sets, as the model initialises them."""

    def widened(self, kept: Collection[str] = ()) -> "PortModel":
        """The same model, its layers' explicit dtypes at float64, but for those that they compute in and that are named
        in ``kept``."""

    def watched(self, around: Around) -> AbstractContextManager[None]:
        """Within it ``around`` stands around the call of each layer; a plain function has none."""


def path_of(keys: tuple) -> str:
    """A path of JAX's tree keys, or of plain ones, in words: ``layers/0/kernel``."""
    return "/".join(str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))) for key in keys)


def is_widened(name: str, dtype: DTypeLike, kept: Collection[str]) -> bool:
    """Whether a layer's explicit dtype, under this name, is float64 in an oracle: what weights are made in is, and what
    is computed in unless it is ``kept``."""
    own = jnp.dtype(dtype)
    return jnp.issubdtype(own, jnp.inexact) and not (name == "dtype" and own.name in kept)


def widest(dtype: Any) -> Any:
    """float64 in the place of a layer's floating dtype, complex128 of its complex one; any other as it is."""
    if not jnp.issubdtype(dtype, jnp.inexact):
        return dtype
    return jnp.complex128 if jnp.issubdtype(dtype, jnp.complexfloating) else jnp.float64


def complex_leaves(model: PortModel) -> frozenset[str]:
    """The paths of the leaves that hold complex numbers."""
    return frozenset(path for path, leaf in model.leaves.items() if leaf.dtype.kind == "c")


def struct(array: Tree) -> jax.ShapeDtypeStruct:
    """Shape and dtype of an array as JAX takes it; a Python number counts as one.

    NumPy's float64 is float32 there unless x64 is on: JAX 0.12 warns of a shape that asks for more.
    """
    if not hasattr(array, "shape"):
        array = np.asarray(array)
    dtype = array.dtype
    if not jax.dtypes.issubdtype(dtype, jax.dtypes.extended):  # a random key's has no other
        dtype = jax.dtypes.canonicalize_dtype(dtype)
    return jax.ShapeDtypeStruct(array.shape, dtype)
