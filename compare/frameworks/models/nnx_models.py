"""A port that is a Flax NNX module: taken apart into a graph and its arrays, and put together anew for each run."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from compare.arrays.arrays import PARAMS, Arrays
from compare.errors import UsageError, shown, swallowed
from compare.frameworks.blame import described
from compare.frameworks.models.modes import Mode, mode_arguments, takes_mode
from compare.frameworks.models.patched import calls_patched
from compare.frameworks.models.ports import (
    Around,
    Draws,
    Given,
    Leaves,
    Settings,
    Tree,
    is_widened,
    path_of,
    struct,
    widest,
)
from compare.frameworks.models.random_streams import Streams, is_drawing, keys_of, run_key, stream_arguments

# What a module draws random numbers with is no parameter and no statistic: it enters every run as it is.
RANDOM = (nnx.RngKey, nnx.RngCount)
PASSING = (nnx.Intermediate, nnx.Perturbation)


class NNXModel:
    """An NNX module on flat leaves. Only copies of it are run: NNX modules change when they are called."""

    draws: ClassVar[Draws] = Draws(layers=("flax.nnx.nn.stochastic",), attention=("flax.nnx.nn.attention",))
    nests: ClassVar[tuple[type, ...]] = ()
    has_own = True

    def __init__(self, module: nnx.Module, streams: Streams = ()) -> None:
        self.module, self.streams = nnx.clone(module), streams
        self.modules = _modules(self.module)
        self.has_mode = takes_mode(type(module).__call__) or any(_has_mode(node) for node in self.modules.values())
        self._state = {mode: self._split(mode) for mode in (None, True, False)}
        self._variables = dict(nnx.to_flat_state(self._state[None][1]))
        self._keys = {
            f"{_collection(variable)}/{path_of(keys)}": keys
            for keys, variable in self._variables.items()
            if not isinstance(variable, RANDOM + PASSING) and not _is_key(variable)
        }
        self.leaves = {path: struct(_value(self._variables[keys])) for path, keys in self._keys.items()}
        self.annotated = {
            path: one for path, keys in self._keys.items() if (one := _annotation(self._variables[keys])) is not None
        }

    @classmethod
    def of(
        cls, port: object, args: tuple, kwargs: dict, like: Arrays, streams: Streams = (), still: Collection[str] = ()
    ) -> "NNXModel | None":
        return cls(port, streams) if isinstance(port, nnx.Module) else None

    @staticmethod
    def is_layer(value: object) -> bool:
        return isinstance(value, nnx.Module)

    @staticmethod
    def path(layer: nnx.Module, running: Sequence[nnx.Module]) -> str:
        return next((path_of(path) for path, node in nnx.iter_modules(running[0]) if node is layer), "")

    @staticmethod
    def settings(layer: nnx.Module) -> Settings:
        return dict(vars(layer))

    @staticmethod
    def library_class(layer: nnx.Module) -> str:
        bases = [base for base in type(layer).__mro__ if base.__module__.startswith("flax.")]
        return next((base.__name__ for base in bases if base.__name__ not in ("Module", "Pytree", "Object")), "")

    def apply(self, leaves: Given, args: tuple, kwargs: dict, mode: Mode) -> tuple[Tree, Leaves]:
        module = self.module_with(leaves, mode)
        call = type(module).__call__
        beside: dict[str, Any] = dict(mode_arguments(call, mode, kwargs))
        every = nnx.Rngs(**keys_of(self.streams)) if self.streams else None
        outputs = module(*args, **kwargs, **beside, **stream_arguments(call, self.streams, args, kwargs, every))
        changed = self.leaves_of(module) if mode is not False else {}
        return outputs, {path: leaf for path, leaf in changed.items() if not path.startswith(f"{PARAMS}/")}

    def module_with(self, leaves: Given, mode: Mode) -> nnx.Module:
        """A new module with those leaves in the place of its own, in ``mode``."""
        graph, _ = self._state[mode]
        by_keys = {self._keys[path]: leaf for path, leaf in leaves.items()}
        if is_drawing():  # torch's generator moves on from call to call, and so do these
            drawn_with = [keys for keys, variable in self._variables.items() if isinstance(variable, nnx.RngKey)]
            by_keys |= {keys: run_key(place) for place, keys in enumerate(drawn_with)}
        state = nnx.from_flat_state(
            [
                (keys, _holding(variable, by_keys[keys]) if keys in by_keys else variable)
                for keys, variable in self._variables.items()
            ]
        )
        return nnx.merge(graph, state, copy=True)

    def leaves_of(self, module: nnx.Module) -> Leaves:
        """The leaves that such a module holds now."""
        own = dict(nnx.to_flat_state(nnx.state(module)))
        return {path: _value(own[keys]) for path, keys in self._keys.items()}

    def tree(self, leaves: Given) -> Tree:
        return nnx.from_flat_state(
            [
                (keys, _holding(self._variables[keys], leaves[path]))
                for path, keys in self._keys.items()
                if path.startswith(f"{PARAMS}/") and path in leaves
            ]
        )

    def flat(self, tree: Tree) -> Leaves:
        by_keys = {keys: path for path, keys in self._keys.items()}
        return {by_keys[keys]: _value(variable) for keys, variable in nnx.to_flat_state(tree)}

    def initial(self, paths: list[str]) -> dict[str, np.ndarray]:
        return {path: np.asarray(_value(self._variables[self._keys[path]])) for path in paths}

    def held_in(self, given: object) -> Arrays:
        if isinstance(given, nnx.Module):
            given = nnx.state(given)
        states = given if isinstance(given, tuple) else (given,)  # what nnx.split returns, its graph first
        own: dict[str, Any] = {}
        for state in states:
            if isinstance(state, Mapping):
                own |= {path_of(keys): value for keys, value in _flattened(state)}
            elif not isinstance(state, nnx.GraphDef):
                raise UsageError(f"weights: expected a module of NNX, or its state (nnx.state), got {shown(given)}")
        # By their text: of a file, the numbers of a list are text too.
        by_path = {path: path_of(keys) for path, keys in self._keys.items()}
        return {path: np.asarray(_value(own[name])) for path, name in by_path.items() if name in own}

    def holding(self, leaves: Arrays) -> nnx.Module:
        return self.module_with(jax.tree.map(jnp.asarray, leaves), None)

    def fix(self, paths: list[str]) -> None:
        """What no leaf replaces keeps the module's own value."""

    def widened(self, kept: Collection[str] = ()) -> "NNXModel":
        wide = nnx.clone(self.module)
        for _, node in nnx.iter_modules(wide):
            for name in ("dtype", "param_dtype"):
                own = getattr(node, name, None)
                if own is not None and is_widened(name, own, kept):
                    setattr(node, name, widest(own))
        return NNXModel(wide, self.streams)

    @contextmanager
    def watched(self, around: Around) -> Iterator[None]:
        paths: dict[int, str] = {}

        def called(module: Any, plain: Callable[..., Tree], args: tuple, kwargs: dict) -> Tree:
            outermost = not paths
            if outermost:  # of each run's copy anew
                paths.update((id(node), path_of(keys)) for keys, node in nnx.iter_modules(module))
            try:
                path = paths.get(id(module))
                if path is None:
                    return plain(module, *args, **kwargs)
                return around(path, lambda args, kwargs: plain(module, *args, **kwargs), args, kwargs)
            finally:
                if outermost:
                    paths.clear()

        with calls_patched((type(node) for node in self.modules.values() if callable(node)), called):
            yield

    def _split(self, mode: Mode) -> tuple[nnx.GraphDef, nnx.State]:
        module = self.module
        if mode is not None:
            module = nnx.clone(module)
            module.train() if mode else module.eval()
        return nnx.split(module)


def _modules(module: nnx.Module) -> dict[str, nnx.Module]:
    """The module and those that it holds, by their paths.

    Raises:
        UsageError: Flax does not walk over it, as it does for ``nnx.jit``: over a tuple of a class of its own.
    """
    try:
        return {path_of(path): node for path, node in nnx.iter_modules(module)}
    except Exception as error:
        swallowed(error)
        raise UsageError(
            f"the port runs, and Flax cannot walk over what it holds ({described(error)}), nor would nnx.jit and "
            "nnx.grad: expected tuples among its attributes to be plain ones, or named"
        ) from error


def _has_mode(node: nnx.Module) -> bool:
    return any(name in vars(node) for name in ("deterministic", "use_running_average"))


def _collection(variable: Any) -> str:
    """The name of a variable's collection, as Linen would call it: BatchStat is batch_stats."""
    kind = type(variable)
    if not issubclass(kind, nnx.Variable):
        return "array"  # an attribute that is no variable: `self.scale = jnp.sqrt(width)`
    if issubclass(kind, nnx.Param):
        return PARAMS
    if issubclass(kind, nnx.BatchStat):
        return "batch_stats"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).lower()


def _annotation(variable: Any) -> object:
    """How ``nnx.with_partitioning`` spreads a variable over a mesh."""
    metadata = variable.get_metadata() if hasattr(variable, "get_metadata") else {}
    names = metadata.get("out_sharding")
    rules = dict(metadata.get("sharding_rules") or ())
    return names and tuple(rules.get(name, name) for name in names)


def _flattened(nest: Mapping[Any, Any], before: tuple = ()) -> Iterator[tuple[tuple, Any]]:
    """The variables, or the arrays, of a nest by their keys."""
    for key, value in nest.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, (*before, key))
        else:
            yield (*before, key), value


def _holding(variable: Any, value: Tree) -> Any:
    """A variable with another value; an array that is no variable is its own."""
    return variable.replace(value) if isinstance(variable, nnx.Variable) else value


def _is_key(variable: Any) -> bool:
    """Whether it is a random key that is held in no variable."""
    return not isinstance(variable, nnx.Variable) and jax.dtypes.issubdtype(variable.dtype, jax.dtypes.prng_key)


def _value(variable: Any) -> jax.Array:
    return variable.get_value() if hasattr(variable, "get_value") else variable
