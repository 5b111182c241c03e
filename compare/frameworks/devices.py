"""The device both sides run on, and the precision policy set, read back and verified by the error of a product."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.errors import UsageError, swallowed

if TYPE_CHECKING:
    import jax
    import torch


# Side of the square product that shows the policy. Its relative error is near 2**-24 in float32, and near 2**-12 or
# 2**-9 where the inputs are first rounded to TF32 or bfloat16: nothing lands between.
BOTH = ("torch", "jax")
EXACT = {"torch": "highest", "torch cudnn tf32": "False", "jax": "highest"}
IN_TF32 = {"torch": "high", "torch cudnn tf32": "True", "jax": "tensorfloat32"}
PRODUCT = 512
FLOAT32_PRODUCT_ERROR, TF32_PRODUCT_ERROR = 2.0**-18, 2.0**-10.5


@dataclass(frozen=True)
class Device:
    """One device under both of its names; of a framework that is not used it has none."""

    name: str
    torch: "torch.device | Any"
    jax: "jax.Device | Any"


def share_the_card() -> None:
    """Keep JAX from taking three quarters of the card at its first operation. Call it before jax is imported.

    Source: https://docs.jax.dev/en/latest/gpu_memory_allocation.html
    """
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")


def choose(wanted: str, frameworks: tuple[str, ...] = BOTH) -> Device:
    """The device for ``auto``, ``cpu`` or ``gpu``, with the float32 policy set on both sides.

    Args:
        frameworks: those that are used; the other need not be installed.

    Raises:
        UsageError: a framework is not installed, a GPU was asked for and one of them sees none, or the policy did not
            take effect.
    """
    if wanted not in ("auto", "cpu", "gpu"):
        raise UsageError(f"device: expected auto, cpu or gpu, got {wanted!r}")
    share_the_card()
    seen = {name: _sees_gpu(name) for name in frameworks}
    if wanted == "gpu" and not all(seen.values()):
        blind = ", ".join(f"{name} {'sees one' if sees else 'sees none'}" for name, sees in seen.items())
        sides = "both sides" if len(seen) > 1 else f"{frameworks[0]}'s side"
        raise UsageError(
            f"--device gpu: expected a GPU on {sides}, {blind}; use --device cpu or install the CUDA 13 builds"
        )
    set_float32_policy(frameworks)
    name = "gpu" if wanted == "gpu" or (wanted == "auto" and all(seen.values())) else "cpu"
    by_torch: Any = None
    by_jax: Any = None
    if "torch" in frameworks:
        import torch

        by_torch = torch.device("cuda" if name == "gpu" else "cpu")
    if "jax" in frameworks:
        by_jax = _device_of_jax(name)
    if by_torch is not None and by_torch.type == "cuda":
        _wake(by_torch)
    return Device(name, by_torch, by_jax)


def _wake(device: "torch.device") -> None:
    """One product backward: torch's thread for backward passes has no context on the card before it, and warns then."""
    import torch

    with warnings.catch_warnings(), torch.inference_mode(False), torch.enable_grad():
        warnings.simplefilter("ignore")
        one = torch.ones((2, 2), device=device, requires_grad=True)
        torch.autograd.backward((one @ one).sum())


def _sees_gpu(framework: str) -> bool:
    try:
        if framework == "torch":
            import torch

            return torch.cuda.is_available()
        return _backend() == "gpu"
    except ImportError as error:
        raise UsageError(
            f"{framework} is not installed here: jaxport verify PAIR --record FILE needs torch alone, --against FILE "
            f"needs jax alone, everything else both"
        ) from error


def _backend() -> str:
    """The platform that JAX has started on.

    Raises:
        UsageError: JAX cannot start, as where JAX_PLATFORMS asks for what is not there.
    """
    import jax

    try:
        return jax.default_backend()
    except Exception as error:
        swallowed(error)
        raise UsageError(f"JAX does not start{_reason(error)}: {_platforms()}") from error


def _device_of_jax(platform: str) -> "jax.Device":
    """The first device of a platform.

    Raises:
        UsageError: JAX has none, as where JAX_PLATFORMS leaves it out.
    """
    import jax

    try:
        return jax.local_devices(backend=platform)[0]  # of several processes, this one's
    except RuntimeError as error:
        raise UsageError(f"JAX has no device {platform!r}{_reason(error)}: {_platforms()}") from error


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f" ({text[:200]})" if text else ""


def _platforms() -> str:
    """What to do about JAX_PLATFORMS."""
    asked = os.environ.get("JAX_PLATFORMS")
    return (
        f"JAX_PLATFORMS is {asked!r}: unset it, or write cpu or cuda,cpu" if asked else "run jaxport env --device cpu"
    )


def set_float32_policy(frameworks: tuple[str, ...] = BOTH) -> None:
    """TF32 off on both sides, so that float32 means float32; read back, since a setting that did not take is silent.

    Sources: https://docs.pytorch.org/docs/stable/notes/cuda.html#tf32-on-ampere and
    https://docs.jax.dev/en/latest/_autosummary/jax.default_matmul_precision.html
    """
    if "torch" in frameworks:
        import torch

        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
    if "jax" in frameworks:
        import jax

        jax.config.update("jax_default_matmul_precision", "highest")
    wanted = {name: value for name, value in EXACT.items() if name.split()[0] in frameworks}
    if policy(frameworks) != wanted:
        raise UsageError(
            f"the float32 policy did not take effect: wanted TF32 off on both sides, read {policy(frameworks)}"
        )


def set_tf32_policy(device: Device) -> None:
    """TF32 on, on both sides: float32 products round their inputs to 11 bits. ``verify_policy`` sees whether they do.

    Raises:
        UsageError: the device has no TF32.
    """
    import jax
    import torch

    if device.name != "gpu" or torch.cuda.get_device_capability(device.torch) < (8, 0):
        raise UsageError(f"tf32: expected a GPU that has it (NVIDIA's since Ampere), got the {device.name}")
    torch.set_float32_matmul_precision(IN_TF32["torch"])
    torch.backends.cudnn.allow_tf32 = True
    jax.config.update("jax_default_matmul_precision", IN_TF32["jax"])


@contextmanager
def policy_restored() -> Iterator[None]:
    """Afterwards the precision settings are the caller's again: a library leaves no traces in its user's process."""
    import jax
    import torch

    try:
        before, cudnn = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    except RuntimeError as error:
        raise UsageError(
            "torch's precision is set by its new interface (fp32_precision), which cannot be read back here: set it "
            "with torch.set_float32_matmul_precision() and torch.backends.cudnn.allow_tf32 instead"
        ) from error
    own = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
        torch.backends.cudnn.allow_tf32 = cudnn
        jax.config.update("jax_default_matmul_precision", own)


def policy(frameworks: tuple[str, ...] = BOTH) -> dict[str, str]:
    """The precision settings in force, as the frameworks themselves report them."""
    read: dict[str, str] = {}
    if "torch" in frameworks:
        import torch

        read["torch"] = torch.get_float32_matmul_precision()
        read["torch cudnn tf32"] = str(torch.backends.cudnn.allow_tf32)
    if "jax" in frameworks:
        import jax

        read["jax"] = str(jax.config.jax_default_matmul_precision)  # type: ignore[attr-defined]  # made at run time
    return read


def product_errors(device: Device) -> dict[str, float]:
    """The relative error of one float32 matrix product on each side, against NumPy in float64."""
    rng = np.random.default_rng(0)
    left, right = (rng.standard_normal((PRODUCT, PRODUCT), dtype=np.float32) for _ in range(2))
    exact = left.astype(np.float64) @ right.astype(np.float64)
    products = {"torch": _torch_product, "jax": _jax_product}
    used = [name for name in BOTH if getattr(device, name) is not None]
    size = np.linalg.norm(exact)
    return {name: float(np.linalg.norm(products[name](left, right, device) - exact) / size) for name in used}


def _torch_product(left: np.ndarray, right: np.ndarray, device: Device) -> np.ndarray:
    import torch

    from compare.arrays.arrays import from_torch, to_torch
    from compare.verdict.precision import FLOAT32

    with torch.no_grad():
        return from_torch(to_torch(left, FLOAT32, device.torch) @ to_torch(right, FLOAT32, device.torch))


def _jax_product(left: np.ndarray, right: np.ndarray, device: Device) -> np.ndarray:
    import jax

    from compare.arrays.arrays import from_jax, to_jax
    from compare.verdict.precision import FLOAT32

    with jax.enable_x64(False):
        return from_jax(to_jax(left, FLOAT32, device.jax) @ to_jax(right, FLOAT32, device.jax))


def verify_policy(device: Device) -> dict[str, float]:
    """``product_errors``, once they show that float32 products are computed in float32, or in TF32 where that is set.

    Raises:
        UsageError: a side computes its products at another precision in spite of its settings.
    """
    errors = product_errors(device)
    if policy(tuple(errors)) == {name: value for name, value in IN_TF32.items() if name.split()[0] in errors}:
        for side, error in errors.items():
            if not FLOAT32_PRODUCT_ERROR < error <= TF32_PRODUCT_ERROR:
                raise UsageError(
                    f"{side} computes products with a relative error of {error:.1e} on the {device.name} where TF32 is "
                    "asked for: unset what decides it elsewhere (NVIDIA_TF32_OVERRIDE, XLA_FLAGS)"
                )
        return errors
    for side, error in errors.items():
        if not error <= FLOAT32_PRODUCT_ERROR:
            raise UsageError(
                f"{side} computes float32 products with a relative error of {error:.1e} on the {device.name}, where "
                f"float32 gives {FLOAT32_PRODUCT_ERROR:.1e} at most: unset what lowers its precision "
                "(NVIDIA_TF32_OVERRIDE, XLA_FLAGS)"
            )
    return errors
