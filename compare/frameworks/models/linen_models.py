"""A port that is a Flax Linen module, with its variables or without."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen
from flax.core import FrozenDict, meta, unfreeze
from flax.errors import InvalidRngError
from flax.traverse_util import flatten_dict, unflatten_dict

from compare.arrays.arrays import PARAMS, Arrays
from compare.errors import UsageError, shown, swallowed
from compare.frameworks.models.initializers import shapes_known
from compare.frameworks.models.modes import Mode, mode_arguments
from compare.frameworks.models.ports import (
    Around,
    Draws,
    Given,
    Leaves,
    Settings,
    Tree,
    is_widened,
    struct,
    widest,
)
from compare.frameworks.models.random_streams import RNGS, Streams, keys_of, run_key, stream_arguments

# Collections that a run makes for whoever asks, and that are no state of the model.
PASSING = ("intermediates", "perturbations")


class LinenModel:
    """``module.apply`` on flat variables.

    A module without variables is traced once, by shape alone, for the variables that it would make.
    """

    draws: ClassVar[Draws] = Draws(
        layers=("flax.linen.stochastic",),
        attention=("flax.linen.attention",),
        bodies={"flax.core.axes_scan": "a scan or a loop"},  # which runs the body once before, for its constants
        shapes=frozenset({("flax.core.scope", "param")}),  # as in every ``apply``
    )
    nests: ClassVar[tuple[type, ...]] = (FrozenDict,)

    def __init__(
        self, module: linen.Module, variables: Tree | None, args: tuple, kwargs: dict, streams: Streams = ()
    ) -> None:
        if module.scope is not None:  # bound: it carries its variables
            module, own = module.unbind()
            variables = own if variables is None else variables
        self.module, self.streams, self.has_own = module, streams, variables is not None
        self.wide: Callable[..., Tree] | None = None
        self.fixed: Given = {}
        self.has_mode = bool(_told(module, True, {}))
        self.modules: Mapping[str, linen.Module] = {}
        rngs = {name: jax.random.key(0) for name in ("params", "dropout")} | keys_of(streams)
        self._initial: Callable[[], Tree] = lambda: variables

        def make(args: tuple, kwargs: dict) -> Tree:
            flags: Any = self._beside(False, args, kwargs)
            seen: dict[str, linen.Module] = {}
            with linen.intercept_methods(shapes_known), linen.intercept_methods(_noting(seen)), _streams_named():
                if variables is None:
                    initial = module.init(rngs, *args, **kwargs, **flags)
                else:
                    module.apply(variables, *args, **kwargs, **flags, rngs=rngs, mutable=True)
                    initial = variables
            self.modules = seen
            return initial

        leaves, structure = jax.tree.flatten((args, kwargs))
        traced = [
            at for at, leaf in enumerate(leaves) if hasattr(leaf, "dtype")
        ]  # a flag is no array: it stays as it is

        def make_of(arrays: list[jax.Array]) -> Tree:
            filled = list(leaves)
            for at, array in zip(traced, arrays, strict=True):
                filled[at] = array
            return make(*jax.tree.unflatten(structure, filled))

        arrays = [leaves[at] for at in traced]
        if variables is None:
            self._initial = lambda: jax.jit(make_of)(arrays)
        traced_tree = jax.eval_shape(make_of, arrays)
        boxed = flatten_dict(unfreeze(traced_tree))
        self.annotated = {"/".join(keys): one for keys, box in boxed.items() if (one := _annotation(box)) is not None}
        collections = {name: tree for name, tree in _plain(traced_tree).items() if name not in PASSING}
        flat = flatten_dict(collections)
        self._keys = {"/".join(keys): keys for keys in flat}  # a name may hold a slash itself
        self.leaves = {"/".join(keys): struct(leaf) for keys, leaf in flat.items()}

    @classmethod
    def of(
        cls, port: object, args: tuple, kwargs: dict, like: Arrays, streams: Streams = (), still: Collection[str] = ()
    ) -> "LinenModel | None":
        module, variables = port if isinstance(port, tuple) and len(port) == 2 else (port, None)
        return cls(module, variables, args, kwargs, streams) if isinstance(module, linen.Module) else None

    @staticmethod
    def is_layer(value: object) -> bool:
        return isinstance(value, linen.Module)

    @staticmethod
    def path(layer: linen.Module, running: Sequence[linen.Module]) -> str:
        return "/".join(layer.path) if layer.scope is not None else ""

    @staticmethod
    def settings(layer: linen.Module) -> Settings:
        settings: Settings = {}
        for name in type(layer).__dataclass_fields__:
            try:
                settings[name] = getattr(layer, name)
            except Exception as error:  # an unbound module may refuse what it sets up
                swallowed(error)
        return {name: value for name, value in settings.items() if name not in ("parent", "name")}

    @staticmethod
    def library_class(layer: linen.Module) -> str:
        bases = [base for base in type(layer).__mro__ if base.__module__.startswith("flax.")]
        return next((base.__name__ for base in bases if base.__name__ not in ("Module", "ModuleBase")), "")

    def apply(self, leaves: Given, args: tuple, kwargs: dict, mode: Mode) -> tuple[Tree, Leaves]:
        flags: Any = self._beside(mode, args, kwargs)
        variables = self._nested({**self.fixed, **leaves})
        kept = [name for name in variables if name != PARAMS]
        # A stream that a layer calls by a name of its own falls back on that of "params".
        rngs = {name: run_key() for name in ("dropout", "params")} if mode is not False else {}
        rngs |= keys_of(self.streams)
        widening = linen.intercept_methods(self.wide) if self.wide else _nothing()
        with linen.intercept_methods(shapes_known), widening, _streams_named():
            outputs = self.module.apply(
                variables, *args, **kwargs, **flags, rngs=rngs, mutable=kept if mode is not False and kept else False
            )
        if mode is not False and kept:
            outputs, changed = outputs
            return outputs, _joined(changed)
        return outputs, {}

    def _beside(self, mode: Mode, args: tuple, kwargs: dict) -> dict[str, Any]:
        """What is given by name beside the batch: the mode, and streams that are arguments of the call itself."""
        call = type(self.module).__call__
        given = stream_arguments(call, self.streams, args, kwargs, None)
        given.pop(RNGS, None)  # an argument of ``apply``, which takes it for its own
        return {**_told(self.module, mode, kwargs), **given}

    def tree(self, leaves: Given) -> Tree:
        return self._nested(leaves)[PARAMS]

    def flat(self, tree: Tree) -> Leaves:
        return _joined({PARAMS: tree})

    def initial(self, paths: list[str]) -> dict[str, np.ndarray]:
        values = _joined(self._initial()) if paths else {}
        return {path: np.asarray(values[path]) for path in paths}

    def held_in(self, given: object) -> Arrays:
        if not isinstance(given, Mapping):
            raise UsageError(f"weights: expected the variables of a Linen module, a dictionary, got {shown(given)}")
        return {path: np.asarray(leaf) for path, leaf in _joined(given).items()}

    def holding(self, leaves: Arrays) -> Tree:
        return self._nested(jax.tree.map(jnp.asarray, leaves))

    def fix(self, paths: list[str]) -> None:
        self.fixed = self.initial(paths)

    def _nested(self, leaves: Given) -> Tree:
        return unflatten_dict({self._keys[path]: leaf for path, leaf in leaves.items()})

    def widened(self, kept: Collection[str] = ()) -> "LinenModel":
        wide = object.__new__(LinenModel)
        wide.__dict__.update(self.__dict__, wide=partial(_widening, tuple(kept)))
        return wide

    def watched(self, around: Around) -> AbstractContextManager[None]:
        def intercept(next_fun: Callable, args: tuple, kwargs: dict, context: linen.module.InterceptorContext) -> Tree:
            if context.method_name != "__call__":
                return next_fun(*args, **kwargs)
            path = "/".join(context.module.path)
            return around(path, lambda args, kwargs: next_fun(*args, **kwargs), args, kwargs)

        return linen.intercept_methods(intercept)


def _noting(seen: dict[str, linen.Module]) -> Callable[..., Tree]:
    """An interceptor that keeps the layers in ``seen``, by path, in the order of their first call."""

    def intercept(next_fun: Callable, args: tuple, kwargs: dict, context: linen.module.InterceptorContext) -> Tree:
        if context.method_name == "__call__":
            seen.setdefault("/".join(context.module.path), context.module)
        return next_fun(*args, **kwargs)

    return intercept


def _widening(
    kept: tuple[str, ...],
    next_fun: Callable,
    args: tuple,
    kwargs: dict,
    context: linen.module.InterceptorContext,
) -> Tree:
    """Every explicit dtype of the layer, and of the layers it was given, is float64 while its method runs, but for a
    ``dtype`` that is ``kept``.

    ``clone`` would not reach inner modules, and what a layer makes by itself (an LSTM's first carry) has its
    ``param_dtype``.
    """
    changed: list[tuple[linen.Module, str, object]] = []
    for module in _with_given(context.module):
        for name in ("dtype", "param_dtype"):
            own = getattr(module, name, None)
            if own is not None and is_widened(name, own, kept) and (wide := widest(own)) != own:
                changed.append((module, name, own))
                object.__setattr__(module, name, wide)
    try:
        return next_fun(*args, **kwargs)
    finally:
        for module, name, own in changed:
            object.__setattr__(module, name, own)


def _with_given(module: linen.Module) -> Iterator[linen.Module]:
    """The module, and the modules among its attributes, theirs included."""
    yield module
    for name in getattr(module, "__dataclass_fields__", {}):
        inner = module.__dict__.get(name)
        if name != "parent" and isinstance(inner, linen.Module):
            yield from _with_given(inner)


def _joined(tree: Tree) -> Leaves:
    """Nested variables as leaves by path."""
    return {"/".join(keys): leaf for keys, leaf in flatten_dict(_plain(tree)).items()}


def _plain(tree: Tree) -> Tree:
    """Nested dictionaries, frozen ones and boxes with sharding metadata undone."""
    return jax.tree.map(_unboxed, unfreeze(tree), is_leaf=_is_box)


def _is_box(value: object) -> bool:
    return isinstance(value, meta.AxisMetadata)


def _unboxed(box: Any) -> Any:
    """What a box holds. One that is partitioned would put a constraint on it, which a shape alone does not stand."""
    if isinstance(box, meta.Partitioned):
        return _unboxed(box.unbox(apply_constraint=False))
    return _unboxed(box.unbox()) if _is_box(box) else box


def _annotation(box: object) -> object:
    """How ``nn.with_partitioning`` spreads an array over a mesh; by its own rules, where its axes are logical."""
    if not isinstance(box, meta.Partitioned):
        return None
    if isinstance(box, linen.LogicallyPartitioned) and box.rules is not None:
        return linen.logical_to_mesh_axes(box.names, box.rules)
    return box.names


@contextmanager
def _streams_named() -> Iterator[None]:
    """Flax's error for a stream that a run was not given, as what to do about it."""
    try:
        yield
    except InvalidRngError as error:
        named = re.search(r'needs PRNG for "([^"]+)"', str(error))
        if named is None:
            raise
        raise UsageError(
            f"port: it draws random numbers from the stream {named[1]!r}: name it in the pair's rngs=({named[1]!r},)"
        ) from error


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _told(module: linen.Module, mode: Mode, given: Mapping[str, object]) -> dict[str, bool]:
    """The arguments by which a module is told the mode; what its constructor has fixed it refuses to be told again."""
    told = mode_arguments(type(module).__call__, mode, given)
    return {name: value for name, value in told.items() if getattr(module, name, None) is None}
