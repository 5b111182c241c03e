"""Random streams that a port asks for by name: the keys of each, wherever its library takes them.

What is drawn with them is no quantity: torch draws other numbers. A run has to be given some key all the same.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax

from compare.frameworks.models.modes import argument_names

Streams = tuple[str, ...]
RNGS = "rngs"  # the argument that takes all streams at once


def keys_of(streams: Streams) -> dict[str, jax.Array]:
    """A key for each stream, the same in every run."""
    return {name: jax.random.key(place) for place, name in enumerate(streams)}


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
