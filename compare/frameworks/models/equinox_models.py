"""A port that is an Equinox module: a pytree of arrays, with its state or without, called as it is or by a function.

Equinox's layers are written for one row, and whoever calls them says how rows are mapped. So a module alone is called
with the whole batch, like every port, and ``(function, module)`` is called as ``function(module, *inputs)``, such as
``lambda module, x: jax.vmap(module)(x)``. State and random keys are given by the names that Equinox has for them,
``state`` and ``key``; with a state, the call returns (outputs, state).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, ClassVar, TypeGuard

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from compare.arrays.arrays import PARAMS, Arrays
from compare.errors import UsageError, WholeBatchError
from compare.frameworks.models.equinox_layers import holds_modules, is_layer, layers_in, library_class, settings_of
from compare.frameworks.models.modes import Mode, argument_names, mode_arguments, takes_mode
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
from compare.frameworks.models.random_streams import Streams, keys_of, run_key, stream_arguments

STATE, KEY = "state", "key"
INFERENCE = "inference"  # the attribute by which a layer is told the mode

# The paths of the modules that a call of ``apply`` is running, by what each is known by: of this thread's call alone.
_running: ContextVar[Mapping[object, str]] = ContextVar("_running", default=MappingProxyType({}))


class EquinoxModel:
    """An Equinox module on flat leaves: what training would update is a parameter, what its state holds is not."""

    draws: ClassVar[Draws] = Draws(
        layers=("equinox.nn._dropout",), name="jrandom", rows=True, rate=lambda layer: _number(layer.p)
    )
    nests: ClassVar[tuple[type, ...]] = ()
    has_own = True

    def __init__(
        self,
        module: Tree,
        state: "eqx.nn.State | None" = None,
        call: Callable[..., Tree] | None = None,
        streams: Streams = (),
    ) -> None:
        self.module, self.state, self.streams = module, state, streams
        self._given, self._alone = call or type(module).__call__, call is None
        self._names = argument_names(self._given)
        if state is not None and STATE not in self._names:
            raise UsageError(
                f"port: it comes with a State, and what calls it takes no argument {STATE}: write lambda module, x, "
                f"{STATE}: jax.vmap(module, in_axes=(0, None), out_axes=(0, None), axis_name=...)(x, {STATE})"
            )
        self.modules: Mapping[str, eqx.Module] = dict(layers_in(module))
        self.annotated: Mapping[str, object] = {}
        self.has_mode = takes_mode(self._given) or any(map(_has_mode, self.modules.values()))
        self._params, _ = eqx.partition(module, eqx.is_inexact_array)
        keyed, structure = jax.tree_util.tree_flatten_with_path(self._params)
        self._structure: Any = structure
        self._paths = [f"{PARAMS}/{path_of(keys)}" if keys else PARAMS for keys, _ in keyed]
        self._static = {mode: _static(module, mode) for mode in (None, True, False)}
        self._places = _places_of_state(module, state) if state is not None else {}
        own, self._state_structure = jax.tree.flatten(state)
        # Of a dtype of their own: a counter made from a Python number would change its dtype in an oracle's x64, which
        # a State refuses.
        self._state_leaves = [jnp.asarray(leaf, leaf.dtype) for leaf in own]
        self.leaves = {path: struct(leaf) for path, (_, leaf) in zip(self._paths, keyed, strict=True)}
        self.leaves |= {path: struct(self._state_leaves[at]) for path, at in self._places.items()}

    @classmethod
    def of(
        cls, port: object, args: tuple, kwargs: dict, like: Arrays, streams: Streams = (), still: Collection[str] = ()
    ) -> "EquinoxModel | None":
        call, held = (None, port)
        if isinstance(port, tuple) and len(port) == 2:
            first, second = port
            if callable(first) and not isinstance(second, eqx.nn.State):  # eqx.filter_jit makes a module of a function
                call, held = first, second
        state = None
        if isinstance(held, tuple) and len(held) == 2 and isinstance(held[1], eqx.nn.State):
            held, state = held
        if call is None and not (isinstance(held, eqx.Module) and callable(held)):
            return None
        return cls(held, state, call, streams) if holds_modules(held) else None

    @staticmethod
    def is_layer(value: object) -> bool:
        return is_layer(value)

    @staticmethod
    def path(layer: Any, running: Sequence[Any]) -> str:
        return next((path for path, node in layers_in(running[0]) if node is layer), "")

    @staticmethod
    def settings(layer: Any) -> Settings:
        return settings_of(layer)

    @staticmethod
    def library_class(layer: Any) -> str:
        return library_class(layer)

    def apply(self, leaves: Given, args: tuple, kwargs: dict, mode: Mode) -> tuple[Tree, Leaves]:
        module = eqx.combine(self.tree(leaves), self._static[mode], self._params)
        given = dict(kwargs) | mode_arguments(self._given, mode, kwargs)
        given |= {name: value for name, value in self._beside(leaves).items() if self._takes(name, args, kwargs)}
        given |= stream_arguments(self._given, self.streams, args, given, keys_of(self.streams))
        with _runs(module):
            alone = self._alone
            results = _on_whole_batch(module, args, given, mode) if alone else self._given(module, *args, **given)
        if self.state is None:
            return results, {}
        if not (isinstance(results, tuple) and len(results) == 2 and isinstance(results[1], eqx.nn.State)):
            raise UsageError(f"port: with a State the call returns (outputs, state), got {type(results).__name__}")
        outputs, after = results
        changed = jax.tree.leaves(after)
        return outputs, {path: changed[at] for path, at in self._places.items()} if mode is not False else {}

    def tree(self, leaves: Given) -> Tree:
        return jax.tree.unflatten(self._structure, [leaves.get(path) for path in self._paths])

    def flat(self, tree: Tree) -> Leaves:
        by_path = zip(self._paths, self._structure.flatten_up_to(tree), strict=True)
        return {path: leaf for path, leaf in by_path if leaf is not None}

    def initial(self, paths: list[str]) -> dict[str, np.ndarray]:
        own = dict(zip(self._paths, jax.tree.leaves(eqx.filter(self.module, eqx.is_inexact_array)), strict=True))
        own |= {path: self._state_leaves[at] for path, at in self._places.items()}
        return {path: np.asarray(own[path]) for path in paths}

    def held_in(self, given: object) -> Arrays:
        module, state = given if isinstance(given, tuple) and len(given) == 2 else (given, self.state)
        if jax.tree.structure(eqx.filter(module, eqx.is_inexact_array)) != self._structure:
            raise UsageError("weights: expected an Equinox module like the port, alone or as (module, state)")
        model = EquinoxModel(module, state, None if self._alone else self._given, self.streams)
        return model.initial([*model.leaves])

    def holding(self, leaves: Arrays) -> Tree:
        arrays = {path: jnp.asarray(leaf) for path, leaf in leaves.items()}
        module = eqx.combine(self.tree({**self.initial(self._paths), **arrays}), self._static[None])
        if self.state is None:
            return module
        own: list[Any] = list(self._state_leaves)
        for path, at in self._places.items():
            own[at] = arrays.get(path, own[at])
        return module, jax.tree.unflatten(self._state_structure, own)

    def fix(self, paths: list[str]) -> None:
        """What no leaf replaces keeps the module's or the state's own value."""

    def widened(self, kept: Collection[str] = ()) -> "EquinoxModel":
        wide = jax.tree.map(lambda leaf: leaf, self.module)  # new modules around the same arrays
        for _, node in layers_in(wide):
            own = getattr(node, "dtype", None)
            if own is not None and not eqx.is_array(own) and is_widened("dtype", own, kept):
                object.__setattr__(node, "dtype", widest(own))
        return EquinoxModel(wide, self.state, None if self._alone else self._given, self.streams)

    @contextmanager
    def watched(self, around: Around) -> Iterator[None]:
        def called(module: Any, plain: Callable[..., Tree], args: tuple, kwargs: dict) -> Tree:
            running = _running.get()
            path = next((running[mark] for mark in _marks(module) if mark in running), None)
            if path is None:
                return plain(module, *args, **kwargs)
            return around(path, lambda args, kwargs: plain(module, *args, **kwargs), args, kwargs, rows=True)

        with calls_patched((type(node) for node in self.modules.values() if callable(node)), called):
            yield

    def _beside(self, leaves: Given) -> dict[str, Tree]:
        """What is given by name: a key, and the state with the leaves that are there in the place of its own."""
        if self.state is None:
            return {KEY: run_key()}
        own: list[jax.Array | np.ndarray] = list(self._state_leaves)
        for path, at in self._places.items():
            own[at] = leaves.get(path, own[at])
        return {KEY: run_key(), STATE: jax.tree.unflatten(self._state_structure, own)}

    def _takes(self, name: str, args: tuple, kwargs: dict) -> bool:
        """Whether the call has an argument of that name which the batch does not fill."""
        return name in self._names[1 + len(args) :] and name not in kwargs


@contextmanager
def _runs(module: Tree) -> Iterator[None]:
    before = _running.set({mark: path for path, node in reversed(list(layers_in(module))) for mark in _marks(node)})
    try:
        yield
    finally:
        _running.reset(before)


def _marks(module: eqx.Module) -> tuple[object, ...]:
    """What a module is known by while it runs: itself, and its arrays, since ``jax.vmap`` hands on a copy around them
    where the module is one of its arguments."""
    arrays = tuple(id(leaf) for leaf in jax.tree.leaves(module) if eqx.is_array(leaf))
    return (id(module), (type(module), arrays)) if arrays else (id(module),)


def _static(module: Tree, mode: Mode) -> Tree:
    as_told = module if mode is None else eqx.nn.inference_mode(module, value=not mode)
    return eqx.partition(as_told, eqx.is_inexact_array)[1]


def _has_mode(layer: eqx.Module) -> bool:
    return hasattr(layer, INFERENCE) and getattr(layer, "p", 1) != 0


def _places_of_state(module: Tree, state: "eqx.nn.State") -> dict[str, int]:
    """Which leaf of the state is which: by the layer that it belongs to, and the name of its index there."""
    leaves, structure = jax.tree.flatten(state)
    numbered = jax.tree.unflatten(structure, range(len(leaves)))
    places: dict[str, int] = {}

    def is_index(node: object) -> TypeGuard[eqx.nn.StateIndex]:
        return isinstance(node, eqx.nn.StateIndex)

    for keys, node in jax.tree_util.tree_flatten_with_path(module, is_leaf=is_index)[0]:
        if is_index(node):
            for inner, at in jax.tree_util.tree_flatten_with_path(numbered.get(node))[0]:
                places["_".join([f"{STATE}/{path_of(keys)}", *path_of(inner).split("/")]).rstrip("_")] = at
    return places


def _on_whole_batch(module: Any, args: tuple, kwargs: dict, mode: Mode) -> Tree:
    """What a module returns for all rows; that it is written for one, it says while it is traced in evaluation mode."""
    if mode is not False:
        return module(*args, **kwargs)

    def called(layer: Any, plain: Callable[..., Tree], args: tuple, kwargs: dict) -> Tree:
        if args and jnp.ndim(args[0]) > 1:  # it would mix the rows without a word where there are as many as inputs
            raise TypeError(f"a Linear takes one row, and is given an array of shape {args[0].shape}")
        return plain(layer, *args, **kwargs)

    try:
        with calls_patched([eqx.nn.Linear], called):
            return module(*args, **kwargs)
    except (TypeError, ValueError) as error:
        text = " ".join(str(error).split())
        raise WholeBatchError(
            f"port: the Equinox module raised {type(error).__name__} on the whole batch ({text[:300]}): if it is "
            "written for one row, give (lambda module, x: jax.vmap(module)(x), module)"
        ) from error


def _number(rate: Any) -> float:
    return float("nan") if isinstance(rate, jax.core.Tracer) else float(rate)
