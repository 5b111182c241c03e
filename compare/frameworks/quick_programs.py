"""Programs that run a few times: compiled without most of XLA's optimizations, which take longer than they save."""

from collections.abc import Iterator
from contextlib import contextmanager

SETTING = "jax_disable_most_optimizations"


@contextmanager
def quick_programs() -> Iterator[None]:
    """What JAX compiles meanwhile is compiled so; its values are as near to the formula as any, its speed is not."""
    import jax

    before = jax.config.read(SETTING)
    jax.config.update(SETTING, True)
    try:
        yield
    finally:
        jax.config.update(SETTING, before)
