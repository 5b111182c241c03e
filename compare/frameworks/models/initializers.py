"""The initializers of a Linen port that runs on given values: nothing but their shapes is asked for.

Whenever a layer takes a parameter that is there already, Flax traces its initializer to hold the two shapes against
each other: a fifth of the time in which a model is traced. An initializer makes the same shape of the same arguments
every time, so that it is traced once.
"""

from collections.abc import Callable, Hashable
from weakref import WeakKeyDictionary

import jax
import numpy as np
from flax import linen
from flax.core import meta

from compare.arrays.arrays import PARAMS
from compare.frameworks.models.ports import Tree

Initializer = Callable[..., Tree]  # from a key and further arguments to a parameter
Shapes = list[tuple[int, ...]]  # of a parameter's arrays: one, but for a tree of them

# What each initializer made, by its further arguments.
_known: WeakKeyDictionary[Initializer, dict[Hashable, Shapes]] = WeakKeyDictionary()


def shapes_known(
    next_fun: Callable[..., Tree], args: tuple, kwargs: dict, context: linen.module.InterceptorContext
) -> Tree:
    """An interceptor of Linen's methods. While one runs, its layer's scope, which belongs to this call of ``init`` or
    ``apply`` alone, does not trace an initializer whose parameter is there in the shape that it is known to make."""
    scope = context.module.scope
    if scope is None or "param" in vars(scope):
        return next_fun(*args, **kwargs)
    plain = scope.param

    def param(name: str, init_fn: Initializer, *init_args: object, unbox: bool = True, **rest: object) -> Tree:
        known, asked = _made_by(init_fn, init_args, rest)
        value = scope.get_variable(PARAMS, name)
        if value is not None and known.get(asked) == _shapes(value):
            scope.reserve(name, PARAMS)
        else:  # not there, not known, or wrong: then Flax says so
            value = plain(name, init_fn, *init_args, unbox=False, **rest)
            known[asked] = _shapes(value)
        return meta.unbox(value) if unbox else value

    vars(scope)["param"] = param
    try:
        return next_fun(*args, **kwargs)
    finally:
        del vars(scope)["param"]  # it holds the scope, and with it the parameters


def _made_by(init_fn: Initializer, init_args: tuple, rest: dict) -> tuple[dict[Hashable, Shapes], Hashable]:
    """What an initializer is known to make, and by what its further arguments are known there. Nothing, and nothing is
    kept, where either cannot be looked up by."""
    asked = init_args, tuple(sorted(rest.items()))
    try:
        hash(asked)
        return _known.setdefault(init_fn, {}), asked
    except TypeError:
        return {}, None


def _shapes(tree: Tree) -> Shapes:
    return [np.shape(leaf) for leaf in jax.tree.leaves(tree)]
