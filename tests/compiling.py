"""How the tests compile: most programs run a few times, and compiling them well takes most of the time."""

import inspect
import os
from functools import cache
from typing import Any

# Beside JAX's own `jax_disable_most_optimizations`: XLA's older way of emitting a fusion takes a third of the time of
# its new one, and a program in one part takes less than one in many, which wait for a processor each.
QUICK = {"xla_cpu_use_fusion_emitters": "False", "xla_cpu_parallel_codegen_split_count": "1"}
_options: dict[str, str] = {}  # of the test at work


def compile_quickly(quick: bool) -> None:
    """From here on, every program is compiled with most of XLA's optimizations, or without and with ``QUICK``."""
    import jax

    known = _quick_options()
    _options.clear()
    _options.update(known if quick else {})
    jax.config.update("jax_disable_most_optimizations", quick)


@cache
def _quick_options() -> dict[str, str]:
    """What this XLA knows of ``QUICK``, once ``_options`` are given to every program that JAX compiles.

    No setting of JAX does that: its own way from settings to XLA's options is extended, where it is the known one.
    Elsewhere compiling is slower, and no more.
    """
    from jax._src import compiler

    own = getattr(compiler, "get_compile_options", None)
    if own is None or "env_options_overrides" not in inspect.signature(own).parameters:
        return {}
    known = {name: value for name, value in QUICK.items() if _is_known(name, value)}

    def extended(*arguments: Any, env_options_overrides: dict[str, Any] | None = None, **more: Any) -> Any:
        return own(*arguments, env_options_overrides=_options | (env_options_overrides or {}), **more)

    compiler.get_compile_options = extended
    return known


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
    """The variables by which another process compiles as quickly."""
    flags = " ".join(f"--{name}={value.lower()}" for name, value in _quick_options().items())
    return {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()}
