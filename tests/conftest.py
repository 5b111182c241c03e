"""Hostile defaults for every test, and the devices they run on."""

import gc
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from jaxtyping import install_import_hook

from compare.frameworks import devices
from tests.compiling import compile_quickly
from tests.kept_programs import keep_programs

# Tests that start processes elsewhere find the packages there too, where these run from a checkout, not installed.
ROOT = str(Path(__file__).parents[1])
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))

# Shapes are enforced where a checker is installed; what is imported above has none.
SHAPED = ["torchref", "jaxport", "compare.pair.by_hand", "compare.arrays.images"]
if importlib.util.find_spec("beartype"):
    install_import_hook(SHAPED, "beartype.beartype")

# Folders of tests on models that are not the project's; a single file says USERS_MODELS = True.
USERS = [
    Path(__file__).parent / "compare" / folder
    for folder in (
        "checkpoints", "explain/calls", "explain/doctor", "explain/doctor/segment", "explain/doctor/segment/suspects",
        "explain/doctor/statistics", "explain/doctor/updates", "explain/locate", "frameworks/dropout",
        "frameworks/islands", "frameworks/models", "weights/mapping", "zoo",
    )
]  # fmt: skip
assert all(folder.is_dir() for folder in USERS), [folder for folder in USERS if not folder.is_dir()]

# Derandomized: the same examples on every machine. No deadline: a first call may compile.
hypothesis.settings.register_profile("house", deadline=None, derandomize=True, max_examples=60)
hypothesis.settings.load_profile("house")


@pytest.fixture(scope="session")
def cpu() -> devices.Device:
    """The CPU, on which every test runs unless it asks for more."""
    return devices.choose("cpu")


@pytest.fixture(autouse=True, scope="module")
def promotion(request: pytest.FixtureRequest) -> Iterator[None]:
    """JAX's strict promotion where the project's own code runs; its default where users' models do, which is what
    they are written for (optax's Adam and Flax's BatchNorm do not run under the strict one)."""
    import jax

    users = request.path.parent in USERS or getattr(request.module, "USERS_MODELS", False)
    with jax.numpy_dtype_promotion("standard" if users else "strict"):
        yield


def pytest_sessionstart() -> None:
    """Collecting makes much that stays and no rubbish to speak of; what it made is never looked through again."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Tracing makes many objects, nearly all of which go without the collector: at Python's own thresholds it takes a
    twelfth of the time of a planted fault, at these less than half of that. Larger ones fall out of the cache."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(10_000, 50, 100)


def pytest_collectstart() -> None:
    """What test files compile while they are imported is run a few times as well."""
    if "jax" in sys.modules:
        keep_programs()
        compile_quickly(True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """XLA leaves most of its optimizations out, which take most of the time of programs that run a few times: the same
    functions, rounded otherwise. Tests marked ``optimized`` or ``gpu`` run what users run."""
    whole = item.get_closest_marker("optimized") or item.get_closest_marker("gpu")
    if "jax" in sys.modules:
        keep_programs()
        compile_quickly(not whole)


@pytest.fixture(scope="session")
def gpu() -> devices.Device:
    """The GPU; tests that use it carry the mark ``gpu``."""
    return devices.choose("gpu")


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)


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
