"""A port that is a plain function of (parameters, *inputs), its parameters any pytree."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from compare.arrays.arrays import PARAMS, Arrays
from compare.errors import swallowed
from compare.frameworks.models.modes import Mode, mode_arguments, takes_mode
from compare.frameworks.models.ports import Around, Draws, Given, Leaves, Settings, Tree, path_of, struct
from compare.frameworks.models.random_streams import Streams, keys_of, stream_arguments

STATE = "state"  # the collection of what is no parameter


class FunctionModel:
    """``function(params, *args, **kwargs)`` on the leaves of ``params``; it has no layers.

    What of ``params`` is no parameter is state, a collection of its own: integers, which have no gradient, and what the
    function hands back changed. It does so as ``(outputs, state)``, where state is a dictionary like ``params``, or a
    part of it: the new running statistics, under the paths that the old ones have. An array that is named as a buffer
    of the reference, as in functions that converters make, is state too.
    """

    draws: ClassVar[Draws] = Draws()
    nests: ClassVar[tuple[type, ...]] = ()

    def __init__(
        self,
        function: Callable[..., Tree],
        params: Tree,
        streams: Streams = (),
        state: Collection[str] = (),
        has_own: bool = True,
    ) -> None:
        """``state``: paths, without the collection, of what is no parameter."""
        self.function, self.streams, self.has_own = function, streams, has_own
        given, structure = jax.tree_util.tree_flatten_with_path(params)
        self._structure: Any = structure
        arrays = {path_of(keys): array for keys, array in given}
        still = {path for path, array in arrays.items() if path in state or not _floats(array)}
        self._paths = [_in(STATE if path in still else PARAMS, path) for path in arrays]
        self.leaves = {path: struct(array) for path, array in zip(self._paths, arrays.values(), strict=True)}
        self._still = frozenset(_in(STATE, path) for path in still)
        self._own = dict(zip(self._paths, arrays.values(), strict=True))
        self.fixed: dict[str, np.ndarray] = {}
        self.modules: Mapping[str, object] = {}
        self.annotated: Mapping[str, object] = {}
        self.has_mode = takes_mode(function)

    @classmethod
    def of(
        cls, port: object, args: tuple, kwargs: dict, like: Arrays, streams: Streams = (), still: Collection[str] = ()
    ) -> "FunctionModel | None":
        function, params = port if isinstance(port, tuple) and len(port) == 2 else (port, None)
        if not callable(function) or isinstance(function, type) or _is_torchs(function):
            return None
        if params is None:
            return cls(function, dict(like), streams, has_own=False)
        model = cls(function, params, streams)
        paths = [path.partition("/")[2] for path in model.leaves]
        named = {name.replace(".", "/") for name in still}
        state = {path for path in paths if path.replace(".", "/") in named}
        if len(paths) > len(like):  # else there is nothing beside the parameters
            state |= model._handed_back(args, kwargs)
        return cls(function, params, streams, state) if state else model

    def _handed_back(self, args: tuple, kwargs: dict) -> set[str]:
        """The paths of what the function hands back beside its outputs; none where it does not run on these."""
        try:
            leaves, structure = jax.tree.flatten((args, kwargs))
            arrays = [at for at, leaf in enumerate(leaves) if hasattr(leaf, "dtype")]

            def call(own: Leaves, given: list[jax.Array]) -> Tree:
                filled = list(leaves)
                for at, leaf in zip(arrays, given, strict=True):
                    filled[at] = leaf
                own_args, own_kwargs = jax.tree.unflatten(structure, filled)
                return self._called(own, own_args, own_kwargs, self.has_mode or None)

            returned = jax.eval_shape(call, self.leaves, [leaves[at] for at in arrays])
        except Exception as error:  # told where it is run
            swallowed(error)
            return set()
        return {path.partition("/")[2] for path in self._state_in(returned)}

    def _state_in(self, returned: Tree) -> dict[str, Any]:
        """By path as the leaves have it so far, what of ``(outputs, state)`` is state; nothing of any other result."""
        if not (isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], Mapping)):
            return {}
        own = {path.partition("/")[2]: path for path in self._paths}
        state = {path_of(keys): array for keys, array in jax.tree_util.tree_flatten_with_path(returned[1])[0]}
        if any(path not in own or np.shape(state[path]) != self.leaves[own[path]].shape for path in state):
            return {}
        return {own[path]: array for path, array in state.items()}

    @staticmethod
    def is_layer(value: object) -> bool:
        return False

    @staticmethod
    def path(layer: object, running: Sequence[object]) -> str:
        return ""

    @staticmethod
    def settings(layer: object) -> Settings:
        return {}

    @staticmethod
    def library_class(layer: object) -> str:
        return ""

    def apply(self, leaves: Given, args: tuple, kwargs: dict, mode: Mode) -> tuple[Tree, Leaves]:
        # A converter's port takes nothing but JAX's own arrays.
        fixed = {path: jnp.asarray(array) for path, array in self.fixed.items() if path not in leaves}
        returned = self._called({**fixed, **leaves}, args, kwargs, mode)
        state = self._state_in(returned) if self._still else {}
        if not self._hands_back(returned, state):
            return returned, {}
        return returned[0], {path: jax.numpy.asarray(array) for path, array in state.items()}

    def _hands_back(self, returned: Tree, state: Mapping[str, object]) -> bool:
        """Whether a result is ``(outputs, state)``; in evaluation the state may be empty."""
        if state:
            return all(path in self._still for path in state)
        empty = isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[1], Mapping)
        return bool(self._still) and empty and not returned[1]

    def _called(self, leaves: Given, args: tuple, kwargs: dict, mode: Mode) -> Tree:
        beside: dict[str, Any] = dict(mode_arguments(self.function, mode, kwargs))
        beside |= stream_arguments(self.function, self.streams, args, kwargs, keys_of(self.streams))
        tree = jax.tree_util.tree_unflatten(self._structure, [leaves[path] for path in self._paths])
        return self.function(tree, *args, **kwargs, **beside)

    def tree(self, leaves: Given) -> Tree:
        """With nothing, an empty tree of JAX's, in the place of what is no parameter."""
        return jax.tree_util.tree_unflatten(self._structure, [leaves.get(path) for path in self._paths])

    def flat(self, tree: Tree) -> Leaves:
        by_path = zip(self._paths, self._structure.flatten_up_to(tree), strict=True)
        return {path: leaf for path, leaf in by_path if leaf is not None}

    def initial(self, paths: list[str]) -> dict[str, np.ndarray]:
        return {path: np.asarray(self._own[path]) for path in paths}

    def held_in(self, given: object) -> Arrays:
        known = {path.partition("/")[2]: path for path in self._paths}
        keyed = jax.tree_util.tree_flatten_with_path(given)[0]
        arrays = {path_of(keys): np.asarray(leaf) for keys, leaf in keyed}
        return {known.get(path, _in(PARAMS, path)): array for path, array in arrays.items()}

    def holding(self, leaves: Arrays) -> Tree:
        return self.tree({path: jnp.asarray(leaf) for path, leaf in leaves.items()})

    def fix(self, paths: list[str]) -> None:
        self.fixed = self.initial(paths)

    def widened(self, kept: Collection[str] = ()) -> "FunctionModel":
        return self

    def watched(self, around: Around) -> AbstractContextManager[None]:
        return nullcontext()


def _in(collection: str, path: str) -> str:
    return f"{collection}/{path}" if path else collection


def _floats(array: object) -> bool:
    """Whether it can have a gradient; a Python number can."""
    dtype = getattr(array, "dtype", None)
    return dtype is None or jax.dtypes.issubdtype(dtype, np.inexact)


def _is_torchs(function: object) -> bool:
    return any(kind.__module__.split(".")[0] == "torch" for kind in type(function).__mro__)
