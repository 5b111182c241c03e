"""How the tests compile: most programs run a few times, and compiling them well takes most of the time."""

import os
from functools import cache

from compare.frameworks.quick_programs import known_options, with_options

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

    In its place for good: a test may ask for quick programs, and the next for whole ones.
    """
    from jax._src import compiler

    known = known_options()
    if known:
        compiler.get_compile_options = with_options(compiler.get_compile_options, _options)
    return known


def quick_environment() -> dict[str, str]:
    """The variables by which another process compiles as quickly, and runs torch on one thread, as every worker does:
    more of them spin while they wait for each other, which on a busy machine takes longer than the work."""
    flags = " ".join(f"--{name}={value.lower()}" for name, value in _quick_options().items())
    xla_flags = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
    return {UNOPTIMIZED: "1", "XLA_FLAGS": xla_flags, "OMP_NUM_THREADS": "1"}
