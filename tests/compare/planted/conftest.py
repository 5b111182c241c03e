"""What the tests of this folder share: two hundred small programs are compiled, none is run often."""

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(autouse=True, scope="module")
def unoptimized() -> Iterator[None]:
    """XLA without most of its optimizations: half the time, and the same functions."""
    before = jax.config.values["jax_disable_most_optimizations"]
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", before)
