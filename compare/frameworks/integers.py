"""Float64 without int64: JAX's x64 with the integers that a program has without it.

``jax.enable_x64(True)`` widens two things. Floats are what an oracle is for. Integers are the user's program itself:
``lax.dynamic_update_slice(cache, x, (0, at))`` takes a Python 0 beside an int32 position in the user's process, and
refuses the int64 that the same 0 is with x64; a ``jnp.arange`` or an ``argmax`` changes the dtype of what it meets,
and arithmetic that wraps at 32 bits wraps no more. So while an oracle is traced, every integer dtype that x64 would
decide is decided as without it: Python's and NumPy's integers, what ``jnp.arange`` makes by default, a dtype that is
asked for, and the promotion of uint32 with int32. What integers become where a float is needed (``n / 3``) is then
float64, as it is the default float without x64.

JAX decides this in a handful of functions, none of them public, all but one in one module. Each is answered anew while
this thread traces; where a version lacks one, that one is left out. What is computed at once, outside a trace or within
``jax.ensure_compile_time_eval``, has x64's integers: compiled functions take their arguments without asking there.
"""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from types import FrameType, FunctionType
from typing import Any

import jax
import numpy as np

from compare.frameworks.islands.places import is_users

NARROW = {np.dtype(np.int64): np.dtype(np.int32), np.dtype(np.uint64): np.dtype(np.uint32)}
_WIDE = {np.dtype(np.float32): np.dtype(np.float64), np.dtype(np.complex64): np.dtype(np.complex128)}

# Part of JAX's keys for what it has traced: a program traced with narrow integers serves nobody else.
_narrowing = jax.make_user_context(False)
_wide_given = threading.Event()  # before the first there are none to look for
_lock = threading.RLock()
_depth = 0
_before: list[Callable[[], None]] = []  # each puts one function back

_DTYPES, _CORE = "jax._src.dtypes", "jax._src.core"
_BY_DEFAULT = ("default_int_dtype", "default_uint_dtype")
_PROMOTED = ("_least_upper_bound",)
_FROM_A_DTYPE = ("canonicalize_dtype", "_maybe_canonicalize_explicit_dtype")
_TO_FLOATS = ("to_inexact_dtype", "to_floating_dtype", "to_complex_dtype")
_TABLES = ("default_types", "_DEFAULT_TYPEMAP")  # hold the defaults by value
_VALUE = "canonicalize_value"  # an operation's operand that is no array of JAX's yet
_AVALS = "pytype_aval_mappings"  # of a Python int that enters a loop, a branch or a compiled function
_NO_ARRAYS = {int, float, bool, str, dict, type(None), type, FunctionType, np.dtype}
_SEVERAL = (tuple, list)
_RANDOM = ("jax._src.random", "jax._src.prng")


@contextmanager
def float64() -> Iterator[None]:
    """Within it, on this thread alone, JAX has x64 for floats, and traces with the integers of a process without x64.

    A dtype that the program names stays wide where the process allows that without x64 (``jax_explicit_x64_dtypes``).
    """
    with jax.enable_x64(True), _installed(), _narrowing(True):
        yield


@contextmanager
def without_x64() -> Iterator[None]:
    """Within ``float64``, on this thread, JAX as it is without x64: a program is traced at its own dtypes."""
    with jax.enable_x64(False), _narrowing(False):
        yield


@contextmanager
def _installed() -> Iterator[None]:
    global _depth
    with _lock:
        if _depth == 0:
            _install()
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            while _depth == 0 and _before:
                _before.pop()()


def _install() -> None:
    dtypes, core = vars(import_module(_DTYPES)), vars(import_module(_CORE))
    clean = core.get("trace_state_clean", lambda: False)

    def active() -> bool:
        return _narrowing.value and not clean()

    answers: dict[Any, Callable[..., Any]] = {}
    rows = (
        (_BY_DEFAULT, _by_default),
        (_PROMOTED, _by_default),
        (_FROM_A_DTYPE, _from_a_dtype),
        (_TO_FLOATS, _to_floats),
    )
    for names, answer in rows:
        for name in filter(dtypes.__contains__, names):
            answers[dtypes[name]] = answer(dtypes[name], active)
            _put(dtypes, name, answers[dtypes[name]])
    for table in (dtypes[name] for name in _TABLES if name in dtypes):
        for key in [key for key, function in table.items() if function in answers]:
            _put(table, key, answers[table[key]])
    if _VALUE in dtypes:
        _put(dtypes, _VALUE, _value(dtypes[_VALUE], active))
    if int in core.get(_AVALS, {}):
        _put(core[_AVALS], int, _aval(core[_AVALS][int], active))


def _put(table: dict[Any, Any], key: object, function: Callable[..., Any]) -> None:
    plain = table[key]
    table[key] = function
    _before.append(lambda: table.update({key: plain}))


def _narrowed(dtype: Any) -> Any:
    return NARROW.get(dtype, dtype) if isinstance(dtype, np.dtype) else dtype


def _by_default(plain: Callable[..., Any], active: Callable[[], bool]) -> Callable[..., Any]:
    def decide(*args: Any, **kwargs: Any) -> Any:
        dtype = plain(*args, **kwargs)
        # Bits of a float64 that are wide already stay so in what is made of them.
        wide = any(arg is dtype or (isinstance(arg, np.dtype) and arg in NARROW) for arg in args)
        return dtype if wide or not active() else _narrowed(dtype)

    return decide


def _from_a_dtype(plain: Callable[..., Any], active: Callable[[], bool]) -> Callable[..., Any]:
    asked = plain.__name__ == _FROM_A_DTYPE[1]

    def decide(*args: Any, **kwargs: Any) -> Any:
        dtype = plain(*args, **kwargs)
        if _narrowed(dtype) is dtype or not active():
            return dtype
        return dtype if (asked and _allows_wide()) or _are_bits(dtype, sys._getframe(1)) else _narrowed(dtype)

    return decide


def _to_floats(plain: Callable[..., Any], active: Callable[[], bool]) -> Callable[..., Any]:
    def decide(dtype: Any, *args: Any, **kwargs: Any) -> Any:
        made = plain(dtype, *args, **kwargs)
        return _WIDE.get(made, made) if active() and np.dtype(dtype).kind in "biuV" else made

    return decide


def _value(plain: Callable[[Any], Any], active: Callable[[], bool]) -> Callable[[Any], Any]:
    def canonical(value: Any) -> Any:
        if type(value) is int:
            wide = not _fits(value) or not active()
        elif isinstance(value, np.ndarray | np.generic) and value.dtype in NARROW:
            wide = not active() or _are_bits(value.dtype, sys._getframe(1))
        else:
            return plain(value)
        with nullcontext() if wide else jax.enable_x64(False):  # what JAX itself makes of it there
            return plain(value)

    return canonical


def _aval(plain: Callable[[Any], Any], active: Callable[[], bool]) -> Callable[[Any], Any]:
    def aval(value: Any) -> Any:
        with jax.enable_x64(False) if active() and _fits(value) else nullcontext():
            return plain(value)

    return aval


def _fits(value: int) -> bool:
    """Whether int32 holds it. Without x64 one that it does not hold raises: there JAX's own code means bits."""
    return -(2**31) <= value < 2**31


def _allows_wide() -> bool:
    mode = getattr(jax.config, "jax_explicit_x64_dtypes", None)
    if str(getattr(mode, "name", mode)).lower() != "allow":
        return False
    _wide_given.set()
    return True


def _are_bits(dtype: np.dtype, caller: FrameType | None) -> bool:
    """Whether an integer is asked for as the bits of a float64: by a reinterpretation, unsigned in a random draw, or
    beside such bits, in a function of JAX's that holds them."""
    frame = caller
    while frame is not None and not is_users(frame.f_code.co_filename):
        name, module = frame.f_code.co_name, frame.f_globals.get("__name__", "")
        if name in ("view", "_view", "bitcast_convert_type") or (dtype.kind == "u" and module.startswith(_RANDOM)):
            _wide_given.set()
            return True
        if _wide_given.is_set() and any(map(_holds_wide, frame.f_locals.values())):
            return True
        frame = frame.f_back
    return False


def _holds_wide(value: object) -> bool:
    return any(map(_is_wide, value)) if isinstance(value, _SEVERAL) else _is_wide(value)


def _is_wide(value: object) -> bool:
    # Types first: most of what a frame holds is one of them, and JAX asks every other object whether it is an array.
    return type(value) not in _NO_ARRAYS and isinstance(value, jax.Array) and value.dtype in NARROW
