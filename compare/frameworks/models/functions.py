"""A port that is a plain function of (parameters, *inputs), its parameters any pytree."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from compare.arrays.arrays import PARAMS, Arrays
from compare.frameworks.models.modes import Mode, mode_arguments, takes_mode
from compare.frameworks.models.ports import Around, Draws, Given, Leaves, Settings, Tree, path_of, struct
from compare.frameworks.models.random_streams import Streams, keys_of, stream_arguments


class FunctionModel:
    """``function(params, *args, **kwargs)`` on the leaves of ``params``; it has no layers and keeps no state."""

    draws: ClassVar[Draws] = Draws()
    nests: ClassVar[tuple[type, ...]] = ()

    def __init__(
        self, function: Callable[..., Tree], params: Tree, streams: Streams = (), has_own: bool = True
    ) -> None:
        self.function, self.streams, self.has_own = function, streams, has_own
        paths, structure = jax.tree_util.tree_flatten_with_path(params)
        self._structure: Any = structure
        self._own = [array for _, array in paths]
        self._paths = [f"{PARAMS}/{path_of(keys)}" if keys else PARAMS for keys, _ in paths]
        self.leaves = {path: struct(array) for path, (_, array) in zip(self._paths, paths, strict=True)}
        self.modules: Mapping[str, object] = {}
        self.has_mode = takes_mode(function)

    @classmethod
    def of(cls, port: object, args: tuple, kwargs: dict, like: Arrays, streams: Streams = ()) -> "FunctionModel | None":
        function, params = port if isinstance(port, tuple) and len(port) == 2 else (port, None)
        if not callable(function) or isinstance(function, type) or _is_torchs(function):
            return None
        return cls(function, dict(like) if params is None else params, streams, has_own=params is not None)

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
        beside: dict[str, Any] = dict(mode_arguments(self.function, mode, kwargs))
        beside |= stream_arguments(self.function, self.streams, args, kwargs, keys_of(self.streams))
        return self.function(self.tree(leaves), *args, **kwargs, **beside), {}

    def tree(self, leaves: Given) -> Tree:
        return jax.tree_util.tree_unflatten(self._structure, [leaves[path] for path in self._paths])

    def flat(self, tree: Tree) -> Leaves:
        return dict(zip(self._paths, self._structure.flatten_up_to(tree), strict=True))

    def initial(self, paths: list[str]) -> dict[str, np.ndarray]:
        own = dict(zip(self._paths, self._own, strict=True))
        return {path: np.asarray(own[path]) for path in paths}

    def held_in(self, given: object) -> Arrays:
        keyed = jax.tree_util.tree_flatten_with_path(given)[0]
        return {f"{PARAMS}/{path_of(keys)}" if keys else PARAMS: np.asarray(leaf) for keys, leaf in keyed}

    def holding(self, leaves: Arrays) -> Tree:
        return self.tree({path: jnp.asarray(leaf) for path, leaf in leaves.items()})

    def fix(self, paths: list[str]) -> None:
        """There is nothing outside ``params``."""

    def widened(self, kept: Collection[str] = ()) -> "FunctionModel":
        return self

    def watched(self, around: Around) -> AbstractContextManager[None]:
        return nullcontext()


def _is_torchs(function: object) -> bool:
    return any(kind.__module__.split(".")[0] == "torch" for kind in type(function).__mro__)
