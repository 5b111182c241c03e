"""How the tests compile: most programs run a few times, and compiling them well takes most of the time."""

import inspect
import os
from collections.abc import Callable
from functools import cache
from typing import Any

# Beside JAX's own `jax_disable_most_optimizations`: XLA's older way of emitting a fusion takes a third of the time of
# its new one, and a program in one part takes less than one in many, which wait for a processor each.
QUICK = {"xla_cpu_use_fusion_emitters": "False", "xla_cpu_parallel_codegen_split_count": "1"}
OVERRIDES = "env_options_overrides"  # what JAX calls the argument by which XLA's options are given
UNOPTIMIZED = "JAX_DISABLE_MOST_OPTIMIZATIONS"  # the same, for another process
_options: dict[str, str] = {}  # of the test at work


def compile_quickly(quick: bool) -> None:
    """From here on, every program is compiled with most of XLA's optimizations, or without and with ``QUICK``, and
    without them in every process that a test starts.

    What was compiled quickly is compiled anew then for who wants it whole; whole programs serve the others too.
    """
    import jax

    if jax.config.read("jax_disable_most_optimizations") and not quick:
        jax.clear_caches()
    known = _quick_options()
    _options.clear()
    _options.update(known if quick else {})
    jax.config.update("jax_disable_most_optimizations", quick)
    os.environ.pop(UNOPTIMIZED, None)
    os.environ.update({UNOPTIMIZED: "1"} if quick else {})


@cache
def _quick_options() -> dict[str, str]:
    """What this XLA knows of ``QUICK``, once ``_options`` are given to every program that JAX compiles.

    No setting of JAX does that: its own way from settings to XLA's options is extended, where it is the known one.
    Elsewhere compiling is slower, and no more.
    """
    from jax._src import compiler

    own = getattr(compiler, "get_compile_options", None)
    if own is None or OVERRIDES not in inspect.signature(own).parameters:
        return {}
    known = {name: value for name, value in QUICK.items() if _is_known(name, value)}
    compiler.get_compile_options = with_options(own)
    return known


def with_options(own: Callable[..., Any]) -> Callable[..., Any]:
    """``own``, with ``_options`` below whatever it is given as ``env_options_overrides``."""
    signature = inspect.signature(own)

    def extended(*arguments: Any, **more: Any) -> Any:
        bound = signature.bind(*arguments, **more)
        bound.arguments[OVERRIDES] = _options | (bound.arguments.get(OVERRIDES) or {})
        return own(*bound.args, **bound.kwargs)

    return extended


def _is_known(name: str, value: str) -> bool:
    import jax

    try:
        jax.jit(lambda x: x + 1).lower(1.0).compile({name: value})
    except Exception as error:
        if name not in str(error):
            raise
        return False
    return True


def quick_environment() -> dict[str, str]:
    """The variables by which another process compiles as quickly, and runs torch on one thread, as every worker does:
    more of them spin while they wait for each other, which on a busy machine takes longer than the work."""
    flags = " ".join(f"--{name}={value.lower()}" for name, value in _quick_options().items())
    xla_flags = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
    return {UNOPTIMIZED: "1", "XLA_FLAGS": xla_flags, "OMP_NUM_THREADS": "1"}
