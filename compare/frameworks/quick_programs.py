"""Programs that run a few times: compiled without most of XLA's optimizations, which take longer than they save."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

SETTING = "jax_disable_most_optimizations"
# Beside JAX's own setting: XLA's older way of emitting a fusion takes a third of the time of its new one, and a program
# in one part takes less than one in many, which wait for a processor each.
QUICK = {"xla_cpu_use_fusion_emitters": "False", "xla_cpu_parallel_codegen_split_count": "1"}
OVERRIDES = "env_options_overrides"  # what JAX calls the argument by which XLA's options are given


@contextmanager
def quick_programs() -> Iterator[None]:
    """What JAX compiles meanwhile is compiled so; its values are as near to the formula as any, its speed is not."""
    import jax
    from jax._src import compiler

    known, before = known_options(), jax.config.read(SETTING)
    own: Any = getattr(compiler, "get_compile_options", None)
    if known:
        compiler.get_compile_options = with_options(own, known)
    try:
        jax.config.update(SETTING, True)
        yield
    finally:
        jax.config.update(SETTING, before)
        if known:
            compiler.get_compile_options = own


@cache
def known_options() -> dict[str, str]:
    """What this XLA knows of ``QUICK``.

    No setting of JAX gives such options to every program: its own way from settings to XLA's options is extended, where
    it is the known one. Elsewhere there are none, and compiling is slower and no more.
    """
    from jax._src import compiler

    own = getattr(compiler, "get_compile_options", None)
    if own is None or OVERRIDES not in inspect.signature(own).parameters:
        return {}
    return {name: value for name, value in QUICK.items() if _is_known(name, value)}


def with_options(own: Callable[..., Any], options: Mapping[str, str]) -> Callable[..., Any]:
    """``own``, with ``options`` below whatever it is given as ``env_options_overrides``."""
    signature = inspect.signature(own)

    def extended(*arguments: Any, **more: Any) -> Any:
        bound = signature.bind(*arguments, **more)
        bound.arguments[OVERRIDES] = {**options, **(bound.arguments.get(OVERRIDES) or {})}
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
