"""What enters and leaves each layer of a port: Linen's by an interceptor, NNX's by their classes' ``__call__``."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import wraps
from threading import RLock, get_ident
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen, nnx
from jax.extend.core import get_opaque_trace_state

from compare.explain.locate.cuts import IN, OUT, Visit, arrays_in, counted, substituted
from compare.frameworks.islands.places import here
from compare.frameworks.models.linen_models import LinenModel
from compare.frameworks.models.nnx_models import NNXModel
from compare.frameworks.models.ports import PortModel, path_of

CALL = "__call__"
_classes = RLock()  # whose CALL is set


class Watch:
    """Hands the floating arrays at each boundary of some layers to ``visit``, and goes on with what it returns.

    Layers called inside a transformation of the port's own (a scan, a checkpoint) are passed over: an array in there
    cannot be told apart from those of the other rounds.

    Attributes:
        places: by path and call, "file:line" of the user's code that calls the layer.
    """

    def __init__(self, paths: "set[str] | dict[str, str]", visit: Visit) -> None:
        self.paths, self.visit = paths, visit
        self.places: dict[tuple[str, int], str] = {}
        self._counts: dict[str, int] = {}
        self._running: list[str] = []
        self._trace = get_opaque_trace_state(convention="flax")

    def around(self, path: str, call: Callable[[tuple, dict], Any], args: tuple, kwargs: dict) -> Any:
        """The layer's call, its arrays handed over before and after; a subclass that calls its base is one call."""
        is_base = self._running[-1:] == [path]
        if path not in self.paths or is_base or get_opaque_trace_state(convention="flax") != self._trace:
            return call(args, kwargs)
        number = counted(self._counts, path)
        self.places[path, number] = here()
        args, kwargs = self._through(path, number, IN, (args, kwargs))
        self._running.append(path)
        try:
            made = call(args, kwargs)
        finally:
            self._running.pop()
        return self._through(path, number, OUT, made)

    def _through(self, path: str, number: int, way: str, item: Any) -> Any:
        arrays = arrays_in(item, _is_floating)
        seen = self.visit(path, number, way, list(arrays.values()))
        return substituted(item, dict(zip(arrays, seen, strict=True)), _is_floating)


def watched(model: PortModel, watch: Watch) -> AbstractContextManager[None]:
    """Within it the layers of ``model`` are watched; a plain function has none."""
    if isinstance(model, LinenModel):
        return linen.intercept_methods(_intercepting(watch))
    return _called(model, watch) if isinstance(model, NNXModel) else nullcontext()


def _intercepting(watch: Watch) -> Callable[..., Any]:
    def intercept(next_fun: Callable, args: tuple, kwargs: dict, context: Any) -> Any:
        if context.method_name != "__call__":
            return next_fun(*args, **kwargs)
        path = "/".join(context.module.path)
        return watch.around(path, lambda args, kwargs: next_fun(*args, **kwargs), args, kwargs)

    return intercept


@contextmanager
def _called(model: NNXModel, watch: Watch) -> Iterator[None]:
    """NNX has no interceptors, so each class's ``__call__`` stands aside for one that asks ``watch`` first.

    The classes belong to the process: one thread at a time watches, and what others call in the meantime is not seen.
    """
    watcher = get_ident()
    paths: dict[int, str] = {}

    def around(plain: Callable) -> Callable:
        @wraps(plain)
        def call(module: Any, *args: Any, **kwargs: Any) -> Any:
            if get_ident() != watcher:
                return plain(module, *args, **kwargs)
            outermost = not paths
            if outermost:  # of each run's copy anew
                paths.update((id(node), path_of(keys)) for keys, node in nnx.iter_modules(module))
            try:
                path = paths.get(id(module))
                if path is None:
                    return plain(module, *args, **kwargs)
                return watch.around(path, lambda args, kwargs: plain(module, *args, **kwargs), args, kwargs)
            finally:
                if outermost:
                    paths.clear()

        return call

    with _classes, ExitStack() as put_back:
        for kind in {type(node) for node in model.modules.values() if callable(node)}:
            if CALL in vars(kind):
                put_back.callback(setattr, kind, CALL, vars(kind)[CALL])
            else:
                put_back.callback(delattr, kind, CALL)
            setattr(kind, CALL, around(getattr(kind, CALL)))
        yield


def _is_floating(item: Any) -> bool:
    return isinstance(item, jax.Array) and jnp.issubdtype(item.dtype, jnp.floating)
