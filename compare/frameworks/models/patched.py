"""What stands around the calls of layers whose library has no interceptors: their classes' ``__call__``."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from threading import RLock, get_ident
from typing import Any

CALL = "__call__"
Call = Callable[..., Any]  # a class's own __call__, whatever it returns
_classes = RLock()  # whose CALL is set


@contextmanager
def calls_patched(kinds: Iterable[type], called: Callable[[Any, Call, tuple, dict], Any]) -> Iterator[None]:
    """Within it, calling a module of one of ``kinds`` calls ``called(module, its class's own call, args, kwargs)``.

    The classes belong to the process: one thread at a time watches, and what others call in the meantime is not seen.
    """
    watcher = get_ident()

    def around(plain: Call) -> Call:
        @wraps(plain)
        def call(module: Any, *args: Any, **kwargs: Any) -> Any:
            if get_ident() != watcher:
                return plain(module, *args, **kwargs)
            return called(module, plain, args, kwargs)

        return call

    with _classes, ExitStack() as put_back:
        # Of all before any is set: a class without a call of its own has its base's, as it was.
        for kind, plain in {kind: getattr(kind, CALL) for kind in kinds}.items():
            if CALL in vars(kind):
                put_back.callback(setattr, kind, CALL, vars(kind)[CALL])
            else:
                put_back.callback(delattr, kind, CALL)
            setattr(kind, CALL, around(plain))
        yield
