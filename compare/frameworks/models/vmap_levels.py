"""Out of ``jax.vmap`` and back: what a layer written for one row does, seen for all rows at once.

Inside ``jax.vmap`` a layer's arrays are one row's. ``jax.custom_batching.custom_vmap`` hands the whole batch to a rule
that runs outside of the innermost vmap; done for each level, it leads to where the whole model is traced.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jax.extend.core import get_opaque_trace_state

Shape = tuple[int, ...]


class Level:
    """The trace that was current when it was made."""

    def __init__(self) -> None:
        self._state, self._trace = get_opaque_trace_state(convention="flax"), _current_trace()

    @property
    def is_current(self) -> bool:
        """Whether no transformation has been entered since."""
        return get_opaque_trace_state(convention="flax") == self._state

    @property
    def is_above_rows(self) -> bool:
        """Whether ``jax.vmap`` has been entered since, once or more, and no other transformation.

        Not to be told in a version of JAX whose traces lie elsewhere: then it is never so.
        """
        trace = _current_trace()
        if trace is None or trace is self._trace:
            return False
        while trace is not self._trace and type(trace).__name__ == "BatchTrace":
            trace = getattr(trace, "parent_trace", None)
        return trace is self._trace


def through(
    level: Level, arrays: Sequence[jax.Array], visit: Callable[[list[jax.Array]], Sequence[jax.Array]]
) -> list[jax.Array]:
    """What ``visit`` returns for the arrays of all rows, as one row's again. The axes of the rows come first, the
    outermost vmap's before the others; an array that is the same for all rows has none."""
    if level.is_current or not arrays:
        return list(visit(list(arrays)))
    seen: list[bool] = []

    @custom_vmap
    def as_they_are(*one: jax.Array) -> tuple[jax.Array, ...]:
        return one

    @as_they_are.def_vmap
    def rule(size: int, batched: list[bool], *every: jax.Array) -> tuple[tuple[jax.Array, ...], tuple[bool, ...]]:
        seen.append(True)
        return tuple(through(level, every, visit)), tuple(batched)

    made = as_they_are(*arrays)
    return list(made) if seen else list(visit(list(arrays)))  # the same for all rows: nothing to lead out of


def drawn(level: Level, key: jax.Array, shape: Shape, take: Callable[[Shape], jax.Array]) -> jax.Array:
    """One row's part of what ``take`` returns for the shape of all rows, of which each has a key of its own.

    Where all rows share the key, they share what is drawn: ``take`` is asked for one row's shape.
    """
    if level.is_current:
        return take(shape)
    seen: list[bool] = []

    @custom_vmap
    def nothing(key: jax.Array) -> jax.Array:
        return jnp.zeros(shape, bool)

    @nothing.def_vmap
    def rule(size: int, batched: list[bool], keys: jax.Array) -> tuple[jax.Array, bool]:
        seen.append(True)
        return drawn(level, keys, (size, *shape), take), True

    made = nothing(key)
    return made if seen else take(shape)


def _current_trace() -> Any:
    try:
        from jax._src import core
    except ImportError:
        return None
    return getattr(getattr(core, "trace_ctx", None), "trace", None)
