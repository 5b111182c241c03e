"""What JAX would make again and again in one process is made once: an executable, and the context that MLIR needs.

Test files compile the same pairs, each by functions of its own: to JAX these are other programs, and a third of what
its compiler is given has been compiled before. JAX's own cache lies on the disk, where writing takes most of the gain.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

EXECUTABLES = 400  # kept, of those used last
LOWERINGS = 100  # in one context of MLIR's: it holds every type, constant and line that it has seen


@cache
def keep_programs() -> None:
    """From here on, in this process. Where JAX is built otherwise inside, nothing is kept and all is as it was."""
    from jax._src import compiler
    from jax._src.interpreters import mlir

    if hasattr(compiler, "backend_compile_and_load"):
        compiler.backend_compile_and_load = kept(compiler.backend_compile_and_load)
    if hasattr(mlir, "make_ir_context"):
        mlir.make_ir_context = shared(mlir.make_ir_context)


def kept(own: Callable[..., Any]) -> Callable[..., Any]:
    """``own``, which compiles, asked once for the same program with the same options on the same devices.

    Which lines of whose code a program comes from is no part of it. One that calls back into Python is compiled anew.
    """
    known = OrderedDict[bytes, Any]()

    def compiled(backend: Any, module: Any, devices: Any, options: Any, callbacks: Sequence[Any]) -> Any:
        if callbacks:
            return own(backend, module, devices, options, callbacks)
        key = hashlib.blake2b(module.operation.get_asm(enable_debug_info=False).encode())
        for part in (options.SerializeAsString(), repr((id(backend), devices)).encode()):
            key.update(part)
        place = key.digest()
        if place not in known:
            known[place] = own(backend, module, devices, options, callbacks)
        known.move_to_end(place)
        while len(known) > EXECUTABLES:
            known.popitem(last=False)
        return known[place]

    return compiled


def shared(own: Callable[[], Any]) -> Callable[[], Any]:
    """``own``, which makes a context with all that JAX's programs are written in, asked for one in ``LOWERINGS``."""
    contexts = list[Any]()
    handed = [0]

    def context() -> Any:
        if handed[0] % LOWERINGS == 0:
            contexts[:] = [own()]
        handed[0] += 1
        return contexts[0]

    return context
