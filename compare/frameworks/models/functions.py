"""A port that is a plain function of (parameters, *inputs), its parameters any pytree."""

from collections.abc import Callable, Mapping
from typing import Any

import jax

from compare.arrays.arrays import PARAMS
from compare.frameworks.models.modes import Mode, mode_arguments, takes_mode
from compare.frameworks.models.ports import Leaves, Tree, path_of, struct


class FunctionModel:
    """``function(params, *args, **kwargs)`` on the leaves of ``params``; it has no layers and keeps no state."""

    def __init__(self, function: Callable[..., Any], params: Tree) -> None:
        self.function = function
        paths, structure = jax.tree_util.tree_flatten_with_path(params)
        self._structure: Any = structure
        self._paths = [f"{PARAMS}/{path_of(keys)}" if keys else PARAMS for keys, _ in paths]
        self.leaves = {path: struct(array) for path, (_, array) in zip(self._paths, paths, strict=True)}
        self.modules: Mapping[str, Any] = {}
        self.has_mode = takes_mode(function)

    def apply(self, leaves: Leaves, args: tuple, kwargs: dict, mode: Mode) -> tuple[Tree, Leaves]:
        return self.function(self.tree(leaves), *args, **kwargs, **mode_arguments(self.function, mode, kwargs)), {}

    def tree(self, leaves: Leaves) -> Tree:
        return jax.tree_util.tree_unflatten(self._structure, [leaves[path] for path in self._paths])

    def flat(self, tree: Tree) -> Leaves:
        return dict(zip(self._paths, self._structure.flatten_up_to(tree), strict=True))

    def initial(self, paths: list[str]) -> dict[str, Any]:
        return {}

    def fix(self, paths: list[str]) -> None:
        """There is nothing outside ``params``."""

    def widened(self) -> "FunctionModel":
        return self
