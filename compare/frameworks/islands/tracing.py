"""Trace a port with its requests for float32 answered in float64, before anything is rounded.

A traced program holds ``x.astype(jnp.float32) * 0.1`` with 0.1 rounded to float32 already, and from the float32 of
``1 / sqrt(96)`` nothing brings it back. So the rounding is prevented rather than undone: while the port is traced, a
dtype that its code names (``jnp.float32``, "float32", ``np.float32``) is taken as float64. JAX reads every such request
in one function, which is not public; where a version lacks it, the program is traced as it is.
"""

import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType

import jax
import numpy as np

from compare.frameworks.islands.lowered import Kept
from compare.frameworks.islands.places import here, is_users

RAISED = {
    np.dtype(np.float32): np.dtype(np.float64),
    np.dtype(np.float16): np.dtype(np.float64),
    np.dtype(jax.numpy.bfloat16): np.dtype(np.float64),
    np.dtype(np.complex64): np.dtype(np.complex128),
}

# JAX keeps what it has traced. A user context is part of the key, so that a program traced in here serves nobody else,
# and none traced elsewhere is used in here.
_raising = jax.make_user_context(None)
_READER = "check_and_canonicalize_user_dtype"
_lock = threading.RLock()
_depth = 0
_plain: Callable[..., np.dtype] | None = None


class Raising:
    """How requests are answered while one program is traced. Two are never equal: JAX reuses no trace of another's,
    which would hide the requests in it.

    Attributes:
        requests: those that keep their format, by line. missed: those of them that have not been made.
        all_of: whether every request for one of their formats keeps it.
    """

    def __init__(self, kept: Kept, all_of: bool = False) -> None:
        self.formats, self.requests, self.all_of = kept.formats, kept.requests, all_of
        self.missed = set(self.requests)

    def keeps(self, dtype: np.dtype) -> bool:
        if dtype.name not in self.formats or self.all_of:
            return dtype.name in self.formats
        if _asked_by_us():
            return True
        request = (here(), dtype.name)
        self.missed.discard(request)
        return request in self.requests


def _asked_by_us() -> bool:
    """Whether it is no model that asks: a cotangent is cast to the dtype of what it belongs to, which is kept."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.split(".")[0] not in ("jax", "jaxlib", "numpy") and not name.startswith("compare.frameworks.islands"):
            return name.startswith("compare.")
        frame = frame.f_back
    return False


class Noting:
    """Notes the requests for a dtype, line and format, and answers them as they are."""

    def __init__(self) -> None:
        self.asked: dict[tuple[str, str], None] = {}

    def keeps(self, dtype: np.dtype) -> bool:
        self.asked[here(), dtype.name] = None
        return True


_EVERYTHING = "everything is raised"  # equal to itself: where nothing is kept, traces may be shared


def raised(dtype: np.dtype) -> np.dtype:
    """float64 for float32, float16 and bfloat16, complex128 for complex64, and any other dtype as it is."""
    return RAISED.get(dtype, dtype)


def can_prevent_rounding() -> bool:
    """Whether this version of JAX reads requested dtypes where we look for it."""
    return hasattr(_module(), _READER)


@contextmanager
def requests_raised(raising: Raising | None = None) -> Iterator[None]:
    """Within it, and on this thread alone, the port's requests for float32 are answered with float64; ``raising`` says
    which are not."""
    if not can_prevent_rounding():
        yield
        return
    _install()
    try:
        # A port written for strict promotion holds float32 arrays against float32 arrays, of which one is raised now.
        with _raising(raising or _EVERYTHING), jax.numpy_dtype_promotion("standard"):
            yield
    finally:
        _remove()


@contextmanager
def requests_noted() -> Iterator[Noting]:
    """Within it, and on this thread alone, the port's requests are noted; none where JAX does not read them where we
    look for it."""
    noting = Noting()
    if not can_prevent_rounding():
        yield noting
        return
    _install()
    try:
        with _raising(noting):
            yield noting
    finally:
        _remove()


def _module() -> ModuleType | None:
    try:
        return importlib.import_module("jax._src.dtypes")
    except ImportError:
        return None


def _install() -> None:
    global _depth, _plain
    with _lock:
        if _depth == 0:
            _plain = getattr(_module(), _READER)
            setattr(_module(), _READER, _read)
        _depth += 1


def _remove() -> None:
    global _depth
    with _lock:
        _depth -= 1
        if _depth == 0:
            setattr(_module(), _READER, _plain)


def _read(*args: object, **kwargs: object) -> np.dtype:
    assert _plain is not None
    dtype, raising = _plain(*args, **kwargs), _raising.value
    if raising is None or dtype not in RAISED or _means_bits(sys._getframe(1)):
        return dtype
    return dtype if isinstance(raising, Raising | Noting) and raising.keeps(dtype) else raised(dtype)


def _means_bits(caller: FrameType) -> bool:
    """Whether a format's bits are asked for and not its precision: reinterpretation, and anything in a random draw.

    Random numbers in float64 would be other draws, not the same ones more exactly.
    """
    if caller.f_code.co_name in ("view", "_view", "bitcast_convert_type"):
        return True
    frame: FrameType | None = caller
    while frame is not None and not is_users(frame.f_code.co_filename):
        if frame.f_globals.get("__name__", "").startswith(("jax._src.random", "jax._src.prng")):
            return True
        frame = frame.f_back
    return False
