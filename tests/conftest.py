"""Hostile defaults for every test, and the devices they run on."""

import importlib.util

import hypothesis
import pytest
from jaxtyping import install_import_hook

from compare import devices

# Shapes are enforced where a checker is installed; what is imported above has none.
SHAPED = ["torchref", "jaxport", "compare.by_hand", "compare.images"]
if importlib.util.find_spec("beartype"):
    install_import_hook(SHAPED, "beartype.beartype")

# Derandomized: the same examples on every machine. No deadline: a first call may compile.
hypothesis.settings.register_profile("house", deadline=None, derandomize=True, max_examples=60)
hypothesis.settings.load_profile("house")


@pytest.fixture(scope="session")
def cpu() -> devices.Device:
    """The CPU, on which every test runs unless it asks for more."""
    device = devices.choose("cpu")
    import jax

    jax.config.update("jax_numpy_dtype_promotion", "strict")
    return device


@pytest.fixture(scope="session")
def gpu() -> devices.Device:
    """The GPU; tests that use it carry the mark ``gpu``."""
    return devices.choose("gpu")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the GPU's tests by name where there is none."""
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked and not _sees_gpu():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason=f"{item.name}: no GPU that both frameworks see"))


def _sees_gpu() -> bool:
    from compare.errors import UsageError

    try:
        return devices.choose("gpu") is not None
    except UsageError:
        return False
