"""Many small programs, each run a few times: compiled as fast as XLA can, and not for speed."""

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(autouse=True, scope="package")
def quickly_compiled() -> Iterator[None]:
    """Most optimizations off; what is computed is the same."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
