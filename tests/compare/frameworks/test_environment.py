"""The machine's fingerprint."""

import json
import os
import platform
from importlib.metadata import version
from typing import Any

import pytest
import torch

from compare.arrays import arrays
from compare.frameworks import environment
from compare.frameworks.devices import FLOAT32_PRODUCT_ERROR, Device
from compare.frameworks.environment import PACKAGES, device_name, fingerprint


@pytest.fixture(scope="module")
def printed(cpu: Device) -> dict[str, Any]:
    """This machine's, on the CPU."""
    return fingerprint(cpu)


def test_versions_are_named(printed: dict[str, Any]) -> None:
    """Of everything that a figure depends on, as installed."""
    assert set(printed["versions"]) == set(PACKAGES)
    assert {"torch", "jax", "jaxlib", "flax", "equinox", "optax", "numpy"} == set(PACKAGES)
    assert printed["versions"]["torch"] == torch.__version__
    assert printed["versions"]["jax"] == version("jax")
    assert printed["python"] == platform.python_version()


def test_a_package_that_is_missing_is_said_so(cpu: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its place, without an error."""
    monkeypatch.setattr(environment, "PACKAGES", ("numpy", "no-such-package"))
    assert fingerprint(cpu)["versions"]["no-such-package"] == "not installed"


def test_it_can_be_written(printed: dict[str, Any]) -> None:
    """As JSON, as it is."""
    assert json.loads(json.dumps(printed, allow_nan=False)) == printed


def test_the_policy_is_read_back_and_measured(printed: dict[str, Any]) -> None:
    """As the frameworks report it, and as the error of one product on each side shows it."""
    assert printed["precision_policy"] == {"torch": "highest", "torch cudnn tf32": "False", "jax": "highest"}
    assert set(printed["product_error"]) == {"torch", "jax"}
    assert all(0 < error < FLOAT32_PRODUCT_ERROR for error in printed["product_error"].values())


def test_the_cpu_is_never_called_a_card(printed: dict[str, Any], cpu: Device) -> None:
    """Whether or not the machine has one: the device named is the one that was used."""
    assert printed["device"] == "cpu"
    assert printed["device_name"] == device_name(cpu) == printed["processor"]
    assert printed["processor"]


def test_everything_is_measured_on_the_device_named(cpu: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """The products that show the policy run where the fingerprint says."""
    to_torch, to_jax, used = arrays.to_torch, arrays.to_jax, []
    monkeypatch.setattr(arrays, "to_torch", lambda a, p, device: (used.append(device), to_torch(a, p, device))[1])
    monkeypatch.setattr(arrays, "to_jax", lambda a, p, device: (used.append(device), to_jax(a, p, device))[1])
    fingerprint(cpu)
    assert used == [cpu.torch, cpu.torch, cpu.jax, cpu.jax]


def test_a_cards_name_is_its_own() -> None:
    """On a GPU it is JAX's name for the very device, not the processor's."""

    class Card:
        device_kind = "NVIDIA Something"

    assert device_name(Device("gpu", torch.device("cpu"), Card())) == "NVIDIA Something"  # type: ignore[arg-type]


@pytest.mark.gpu
def test_the_gpu_is_named(gpu: Device) -> None:
    """Both frameworks know the card by one name, and the fingerprint gives it."""
    found = fingerprint(gpu)
    assert found["device"] == "gpu"
    assert found["device_name"] == torch.cuda.get_device_name(gpu.torch)
    assert found["device_name"] != found["processor"]


def test_threads_and_cores_are_those_in_force(cpu: Device) -> None:
    """Read when asked, not when imported."""
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        found = fingerprint(cpu)
    finally:
        torch.set_num_threads(before)
    assert (found["torch_threads"], found["cores"]) == (before + 1, os.cpu_count())


@pytest.mark.parametrize("value", [None, "false"])
def test_preallocation_is_as_set(cpu: Device, monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """What is not set is said to be unset."""
    monkeypatch.delenv("XLA_PYTHON_CLIENT_PREALLOCATE", raising=False)
    if value:
        monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", value)
    assert fingerprint(cpu)["jax_preallocates"] == (value or "unset")
