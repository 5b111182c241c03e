"""The machine's fingerprint: what a figure depends on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from compare.frameworks.devices import Device
from compare.frameworks.models.choose import LIBRARIES

PACKAGES = ("torch", "jaxlib", *LIBRARIES, "optax", "numpy")


def fingerprint(device: Device) -> dict[str, object]:
    """Devices, versions, precision policy (as set, and as an actual product shows it) and threads."""
    from compare.frameworks.devices import BOTH, policy, verify_policy

    used = tuple(name for name in BOTH if getattr(device, name) is not None)
    torch_facts: dict[str, object] = {}
    if "torch" in used:
        import torch

        torch_facts = {"version": torch.__version__, "threads": torch.get_num_threads()}
    return {
        "device": device.name,
        "device_name": device_name(device),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "versions": {name: installed(name) for name in PACKAGES} | {"torch": torch_facts.get("version", "not used")},
        "precision_policy": policy(used),
        "product_error": verify_policy(device),
        "torch_threads": torch_facts.get("threads", "not used"),
        "jax_preallocates": os.environ.get("XLA_PYTHON_CLIENT_PREALLOCATE", "unset"),
    }


def device_name(device: Device) -> str:
    """The card's name on a GPU, the processor's on a CPU."""
    return str(device.jax.device_kind) if device.name == "gpu" else _processor()


def installed(package: str) -> str:
    """The version of a package, "not installed" where there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    """The processor's own name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
