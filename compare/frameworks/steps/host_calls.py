"""What a call does beside computing: values that it hands to the host, waits, sleeps, settings; counted by Python's
profiler, under which no clock is read."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from types import FrameType
from typing import Any

import jax

from compare.frameworks.steps.global_modes import slowing_modes
from compare.frameworks.torch_insides import uncompiled

# C functions by name; where torch and NumPy have one of a name, both hand values over.
HANDED_OVER = {"item", "tolist", "numpy", "cpu", "asarray", "array", "from_numpy", "copyto"}
WAITED = {"synchronize", "_cuda_synchronize", "sleep", "select", "collect"}
FILED = {"open", "write", "flush", "fsync", "print"}  # what a log costs
SWITCHED = "switched on: "
WATCHED = HANDED_OVER | WAITED | FILED | {"set_num_threads", "set_num_interop_threads"}
LIBRARIES = {"jax", "flax", "optax", "equinox", "numpy"}
# Python functions of JAX's: a value of an array for the host, a transfer, a wait.
OF_JAX = {"_value", "device_get", "device_put", "block_until_ready"}
# Python functions of torch's: settings for the whole process.
OF_TORCH = {"set_float32_matmul_precision", "set_default_dtype", "set_default_device", "use_deterministic_algorithms"}


def host_calls(call: Callable[[], object]) -> Counter[str]:
    """How often ``call`` does what is watched, by the function's name; and ``SWITCHED`` before the name of a mode that
    is on within it alone, once."""
    counts: Counter[str] = Counter()
    on_before = slowing_modes()

    def note(frame: FrameType, event: str, function: Any) -> None:
        if event in ("call", "c_call"):  # a mode slows what is called under it: returns need no look
            for mode in slowing_modes() - on_before:
                counts[SWITCHED + mode] = 1
        if event == "c_call" and getattr(function, "__name__", "") in WATCHED:
            counts[function.__name__] += not _is_of(LIBRARIES, frame)  # JAX's own ways are seen by their names below
        elif event == "call" and (name := frame.f_code.co_name) in OF_JAX | OF_TORCH:
            counts[name] += _is_of({"jax"} if name in OF_JAX else {"torch"}, frame)

    with _profiled(note):
        call()
    return +counts


def python_lines(call: Callable[[], object]) -> int:
    """How many lines of Python ``call`` runs, in whosever code: what no operation that it dispatches tells."""
    count, before = 0, sys.gettrace()

    def note(frame: FrameType, event: str, function: Any) -> Any:
        nonlocal count
        count += event == "line"
        return note

    uncompiled(note)
    sys.settrace(note)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def waited_for(wait: Callable[[], object]) -> tuple[set[int], bool]:
    """The JAX arrays that ``wait`` blocks on, by their ``id``, and whether it waits for torch's device."""
    arrays: set[int] = set()
    counts: Counter[str] = Counter()
    kind = type(jax.device_put(0.0))
    own = kind.block_until_ready

    def noted(array: jax.Array) -> jax.Array:
        arrays.add(id(array))
        return own(array)

    def note(frame: FrameType, event: str, function: Any) -> None:
        if event == "c_call":
            counts[getattr(function, "__name__", "")] += 1
        elif event == "call" and frame.f_code.co_name in ("block_until_ready", "_value") and _is_of({"jax"}, frame):
            given = frame.f_locals.get("x", frame.f_locals.get("self"))
            arrays.update(id(leaf) for leaf in jax.tree.leaves(given))

    kind.block_until_ready = noted  # a C function that no profiler sees
    try:
        with _profiled(note):
            wait()
    finally:
        kind.block_until_ready = own
    return arrays, any(counts[name] for name in ("synchronize", "_cuda_synchronize"))


def moved_to_device(call: Callable[[], object]) -> str:
    """Why ``call`` cannot be made without copying arrays from the host to JAX's device; empty where it can."""
    try:
        with jax.transfer_guard_host_to_device("disallow_explicit"):
            call()
    except Exception as error:  # whichever: a callback's comes in another's words
        words = " ".join(str(error).split())
        if "Disallowed host-to-device transfer" not in words:
            raise
        return words.partition("Disallowed host-to-device transfer: ")[2][:80]
    return ""


def outputs_left(call: Callable[[], object]) -> list[jax.Array]:
    """The JAX arrays that ``call`` leaves behind and that were not there before."""
    before = jax.live_arrays()  # kept, so that none of their numbers is given to another
    known = {id(array) for array in before}
    call()
    return [array for array in jax.live_arrays() if id(array) not in known and not array.is_deleted()]


def is_done(array: Any) -> bool:
    """Whether a JAX array has been computed, or given away."""
    return bool(array.is_deleted() or array.is_ready())


@contextmanager
def _profiled(note: Callable[[FrameType, str, Any], None]) -> Iterator[None]:
    before = sys.getprofile()
    for function in (note, _is_of, slowing_modes):
        uncompiled(function)
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)


def _is_of(packages: Set[str], frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).split(".")[0] in packages
