"""Random streams that a port asks for by name: the keys of each, wherever its library takes them.

What is drawn with them is no quantity: torch draws other numbers. A run has to be given some key all the same.
"""

import contextvars
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax

from compare.frameworks.models.modes import argument_names

Streams = tuple[str, ...]
RNGS = "rngs"  # the argument that takes all streams at once


_drawn_with: contextvars.ContextVar[jax.Array | None] = contextvars.ContextVar("drawn_with", default=None)


@contextmanager
def drawing_with(key: jax.Array) -> Iterator[None]:
    """A port that is applied within it draws with ``key``, which may be traced, as in training: other numbers with
    each key. Without it every run draws the same."""
    token = _drawn_with.set(key)
    try:
        yield
    finally:
        _drawn_with.reset(token)


def run_key(place: int = 0) -> jax.Array:
    """The key number ``place`` of a run."""
    own = _drawn_with.get()
    if own is None:
        return jax.random.key(place)
    return jax.random.fold_in(own, place) if place else own


def is_drawing() -> bool:
    """Whether somebody has said what is drawn with."""
    return _drawn_with.get() is not None


def keys_of(streams: Streams) -> dict[str, jax.Array]:
    """A key for each stream, the same in every run unless ``drawing_with`` says another."""
    return {name: run_key(place) for place, name in enumerate(streams)}


def stream_arguments(
    function: Callable[..., object], streams: Streams, args: tuple, kwargs: Mapping[str, object], every: object
) -> dict[str, Any]:
    """The keyword arguments by which ``function`` (of itself or its parameters, and the inputs) is given the streams.

    Args:
        args, kwargs: what the batch fills already.
        every: all streams in one, as the library has it, for an argument ``rngs``.
    """
    if not streams:
        return {}
    unfilled = {name for name in argument_names(function)[1 + len(args) :] if name not in kwargs}
    given: dict[str, Any] = {name: key for name, key in keys_of(streams).items() if name in unfilled}
    return given | ({RNGS: every} if RNGS in unfilled else {})
