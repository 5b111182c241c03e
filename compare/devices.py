"""The device both sides run on, and the precision policy set, read back and verified by the error of a product."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compare.errors import UsageError

if TYPE_CHECKING:
    import jax
    import torch


# Side of the square product that shows the policy. Its relative error is near 2**-24 in float32, and near 2**-12 or
# 2**-9 where the inputs are first rounded to TF32 or bfloat16: nothing lands between.
PRODUCT = 512
FLOAT32_PRODUCT_ERROR = 2.0**-18


@dataclass(frozen=True)
class Device:
    """One device under both of its names."""

    name: str
    torch: "torch.device"
    jax: "jax.Device"


def share_the_card() -> None:
    """Keep JAX from taking three quarters of the card at its first operation. Call it before jax is imported.

    Source: https://docs.jax.dev/en/latest/gpu_memory_allocation.html
    """
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")


def choose(wanted: str) -> Device:
    """The device for ``auto``, ``cpu`` or ``gpu``, with the float32 policy set on both sides.

    Raises:
        UsageError: a GPU was asked for and one of the frameworks sees none, or the policy did not take effect.
    """
    if wanted not in ("auto", "cpu", "gpu"):
        raise UsageError(f"device: expected auto, cpu or gpu, got {wanted!r}")
    share_the_card()
    import jax
    import torch

    seen = {"torch": torch.cuda.is_available(), "jax": jax.default_backend() == "gpu"}
    if wanted == "gpu" and not all(seen.values()):
        blind = ", ".join(f"{name} {'sees one' if sees else 'sees none'}" for name, sees in seen.items())
        raise UsageError(
            f"--device gpu: expected a GPU on both sides, {blind}; use --device cpu or install the CUDA 13 builds"
        )
    set_float32_policy()
    if wanted == "gpu" or (wanted == "auto" and all(seen.values())):
        return Device("gpu", torch.device("cuda"), jax.devices("gpu")[0])
    return Device("cpu", torch.device("cpu"), jax.devices("cpu")[0])


def set_float32_policy() -> None:
    """TF32 off on both sides, so that float32 means float32; read back, since a setting that did not take is silent.

    Sources: https://docs.pytorch.org/docs/stable/notes/cuda.html#tf32-on-ampere and
    https://docs.jax.dev/en/latest/_autosummary/jax.default_matmul_precision.html
    """
    import jax
    import torch

    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    jax.config.update("jax_default_matmul_precision", "highest")
    if policy() != {"torch": "highest", "torch cudnn tf32": "False", "jax": "highest"}:
        raise UsageError(f"the float32 policy did not take effect: wanted TF32 off on both sides, read {policy()}")


@contextmanager
def policy_restored() -> Iterator[None]:
    """Afterwards the precision settings are the caller's again: a library leaves no traces in its user's process."""
    import jax
    import torch

    before = torch.get_float32_matmul_precision()
    cudnn, own = torch.backends.cudnn.allow_tf32, jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
        torch.backends.cudnn.allow_tf32 = cudnn
        jax.config.update("jax_default_matmul_precision", own)


def policy() -> dict[str, str]:
    """The precision settings in force, as the frameworks themselves report them."""
    import jax
    import torch

    return {
        "torch": torch.get_float32_matmul_precision(),
        "torch cudnn tf32": str(torch.backends.cudnn.allow_tf32),
        "jax": str(jax.config.jax_default_matmul_precision),  # type: ignore[attr-defined]  # made at run time
    }


def product_errors(device: Device) -> dict[str, float]:
    """The relative error of one float32 matrix product on each side, against NumPy in float64."""
    import jax
    import torch

    from compare.arrays import from_jax, from_torch, to_jax, to_torch
    from compare.precision import FLOAT32

    rng = np.random.default_rng(0)
    left, right = (rng.standard_normal((PRODUCT, PRODUCT), dtype=np.float32) for _ in range(2))
    exact = left.astype(np.float64) @ right.astype(np.float64)
    with torch.no_grad():
        by_torch = from_torch(to_torch(left, FLOAT32, device.torch) @ to_torch(right, FLOAT32, device.torch))
    with jax.enable_x64(False):
        by_jax = from_jax(to_jax(left, FLOAT32, device.jax) @ to_jax(right, FLOAT32, device.jax))
    size = np.linalg.norm(exact)
    return {
        "torch": float(np.linalg.norm(by_torch - exact) / size),
        "jax": float(np.linalg.norm(by_jax - exact) / size),
    }


def verify_policy(device: Device) -> dict[str, float]:
    """``product_errors``, once they show that float32 products are computed in float32.

    Raises:
        UsageError: a side computes its products at a lower precision in spite of its settings.
    """
    errors = product_errors(device)
    for side, error in errors.items():
        if not error <= FLOAT32_PRODUCT_ERROR:
            raise UsageError(
                f"{side} computes float32 products with a relative error of {error:.1e} on the {device.name}, where "
                f"float32 gives {FLOAT32_PRODUCT_ERROR:.1e} at most: unset what lowers its precision "
                "(NVIDIA_TF32_OVERRIDE, XLA_FLAGS)"
            )
    return errors
