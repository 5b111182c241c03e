"""What enters and leaves each layer of a port, whatever the port was written as."""

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from compare.explain.locate.cuts import IN, OUT, Visit, arrays_in, next_visit, substituted
from compare.frameworks.islands.places import here
from compare.frameworks.models.vmap_levels import Level, through


class Watch:
    """Hands the floating arrays at each boundary of some layers to ``visit``, and goes on with what it returns.

    Give ``around`` to the port's ``watched``. Layers called inside a transformation of the port's own (a scan, a
    checkpoint) are passed over: an array in there cannot be told apart from those of the other rounds. Of layers that
    are written for one row, and called inside ``jax.vmap``, the arrays of all rows are handed over together.

    Attributes:
        places: by path and call, "file:line" of the user's code that calls the layer.
    """

    def __init__(self, paths: Collection[str], visit: Visit) -> None:
        self.paths, self.visit = paths, visit
        self.places: dict[tuple[str, int], str] = {}
        self._counts: dict[str, int] = {}
        self._running: list[str] = []
        self._level = Level()

    def around(
        self, path: str, call: Callable[[tuple, dict], Any], args: tuple, kwargs: dict, rows: bool = False
    ) -> Any:
        """The layer's call, its arrays handed over before and after; a subclass that calls its base is one call."""
        is_base = self._running[-1:] == [path]
        is_seen = self._level.is_current or (rows and self._level.is_above_rows)
        if path not in self.paths or is_base or not is_seen:
            return call(args, kwargs)
        number = next_visit(self._counts, path)
        self.places[path, number] = here()
        args, kwargs = self._through(path, number, IN, (args, kwargs))
        self._running.append(path)
        try:
            results = call(args, kwargs)
        finally:
            self._running.pop()
        return self._through(path, number, OUT, results)

    def _through(self, path: str, number: int, way: str, item: Any) -> Any:
        arrays = arrays_in(item, _is_floating)
        seen = through(self._level, list(arrays.values()), partial(self.visit, path, number, way))
        return substituted(item, dict(zip(arrays, seen, strict=True)), _is_floating)


def _is_floating(item: object) -> bool:
    return isinstance(item, jax.Array) and jnp.issubdtype(item.dtype, jnp.inexact)
