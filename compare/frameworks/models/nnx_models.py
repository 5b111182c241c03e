"""A port that is a Flax NNX module: taken apart into a graph and its arrays, and put together anew for each run."""

import re
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import nnx

from compare.arrays.arrays import PARAMS
from compare.frameworks.models.modes import Mode, mode_arguments, takes_mode
from compare.frameworks.models.ports import Leaves, Tree, path_of, struct

# What a module draws random numbers with is no parameter and no statistic: it enters every run as it is.
RANDOM = (nnx.RngKey, nnx.RngCount)
PASSING = (nnx.Intermediate, nnx.Perturbation)


class NNXModel:
    """An NNX module on flat leaves. Only copies of it are run: NNX modules change when they are called."""

    def __init__(self, module: nnx.Module) -> None:
        self.module = nnx.clone(module)
        self.modules = {path_of(path): node for path, node in nnx.iter_modules(self.module)}
        self.has_mode = takes_mode(type(module).__call__) or any(_has_mode(node) for node in self.modules.values())
        self._state = {mode: self._split(mode) for mode in (None, True, False)}
        self._variables = dict(nnx.to_flat_state(self._state[None][1]))
        self._keys = {
            f"{_collection(variable)}/{path_of(keys)}": keys
            for keys, variable in self._variables.items()
            if not isinstance(variable, RANDOM + PASSING)
        }
        self.leaves = {path: struct(_value(self._variables[keys])) for path, keys in self._keys.items()}

    def apply(self, leaves: Leaves, args: tuple, kwargs: dict, mode: Mode) -> tuple[Tree, Leaves]:
        graph, _ = self._state[mode]
        by_keys = {self._keys[path]: leaf for path, leaf in leaves.items()}
        state = nnx.from_flat_state(
            [
                (keys, variable.replace(by_keys[keys]) if keys in by_keys else variable)
                for keys, variable in self._variables.items()
            ]
        )
        module = nnx.merge(graph, state, copy=True)
        said = mode_arguments(type(module).__call__, mode, kwargs)
        outputs = module(*args, **kwargs, **said)
        after = dict(nnx.to_flat_state(nnx.state(module)))
        kept = {path: keys for path, keys in self._keys.items() if not path.startswith(f"{PARAMS}/")}
        return outputs, {path: _value(after[keys]) for path, keys in kept.items()} if mode is not False else {}

    def tree(self, leaves: Leaves) -> Tree:
        return nnx.from_flat_state(
            [
                (keys, self._variables[keys].replace(leaves[path]))
                for path, keys in self._keys.items()
                if path.startswith(f"{PARAMS}/")
            ]
        )

    def flat(self, tree: Tree) -> Leaves:
        by_keys = {keys: path for path, keys in self._keys.items()}
        return {by_keys[keys]: _value(variable) for keys, variable in nnx.to_flat_state(tree)}

    def initial(self, paths: list[str]) -> dict[str, Any]:
        return {path: np.asarray(_value(self._variables[self._keys[path]])) for path in paths}

    def fix(self, paths: list[str]) -> None:
        """What no leaf replaces keeps the module's own value."""

    def widened(self) -> "NNXModel":
        wide = nnx.clone(self.module)
        for _, node in nnx.iter_modules(wide):
            for name in ("dtype", "param_dtype"):
                own = getattr(node, name, None)
                if own is not None and jnp.issubdtype(own, jnp.floating):
                    setattr(node, name, jnp.float64)
        return NNXModel(wide)

    def _split(self, mode: Mode) -> tuple[Any, Any]:
        module = self.module
        if mode is not None:
            module = nnx.clone(module)
            module.train() if mode else module.eval()
        return nnx.split(module)


def _has_mode(node: nnx.Module) -> bool:
    return any(name in vars(node) for name in ("deterministic", "use_running_average"))


def _collection(variable: nnx.Variable) -> str:
    """The name of a variable's collection, as Linen would call it: BatchStat is batch_stats."""
    kind = type(variable)
    if issubclass(kind, nnx.Param):
        return PARAMS
    if issubclass(kind, nnx.BatchStat):
        return "batch_stats"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).lower()


def _value(variable: Any) -> Any:
    return variable.get_value() if hasattr(variable, "get_value") else variable
