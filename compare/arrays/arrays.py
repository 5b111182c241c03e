"""Identical NumPy arrays in, NumPy arrays out: the only place where dtype, device and contiguity are decided.

Each rule answers a way in which two frameworks that share a buffer go wrong:

- JAX on the CPU may read a NumPy buffer after the call that took it has returned, ``jnp.array`` of an unaligned buffer
  included, and ``jax.device_put`` may alias it for good. So a batch is frozen (read-only), and JAX gets a private copy
  made by NumPy, which nobody can change.
- ``torch.from_numpy`` shares memory and lets a read-only array be written; ``torch.from_dlpack`` ends the process on
  a negative stride. So torch gets ``torch.tensor`` of a C-contiguous array, which copies.
- An array that leaves JAX is a read-only view, one that leaves torch is copied: neither can be changed by accident.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from compare.arrays.checks import check_int32
from compare.verdict.precision import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Precision

if TYPE_CHECKING:
    import jax
    import torch

Arrays = dict[str, np.ndarray]  # named arrays: the reference's by ``state_dict`` name, the port's by path
Shapes = Mapping[str, tuple[int, ...]]

PARAMS = "params"  # the collection of a port's leaves that are trained, the first part of their path

NUMPY_FLOAT = {FLOAT64: np.float64, FLOAT32: np.float32, FLOAT16: np.float16}


def freeze(array: Any) -> np.ndarray:
    """A read-only, C-contiguous copy that nobody else holds."""
    frozen = np.array(array, order="C", copy=True)
    frozen.setflags(write=False)
    return frozen


def rounded(array: np.ndarray, precision: Precision) -> np.ndarray:
    """``array`` with every float rounded to ``precision``, frozen. Integers and booleans are kept as they are.

    bfloat16 is no NumPy dtype: its values come back in float32, which holds them exactly.
    """
    if array.dtype.kind != "f" or (precision in NUMPY_FLOAT and array.dtype == NUMPY_FLOAT[precision]):
        return array if not array.flags.writeable and array.flags.c_contiguous else freeze(array)
    if precision is BFLOAT16:
        import ml_dtypes

        return freeze(array.astype(ml_dtypes.bfloat16).astype(np.float32))
    with np.errstate(over="ignore"):
        return freeze(array.astype(NUMPY_FLOAT[precision]))


def to_torch(array: np.ndarray, precision: Precision, device: "torch.device") -> "torch.Tensor":
    """A new tensor with its own memory: floats at ``precision``, integers as int64, with which torch indexes."""
    import torch

    dtype = None
    if array.dtype.kind == "f":
        dtype = getattr(torch, precision.name)
    elif array.dtype.kind in "iu":
        dtype = torch.int64
    return torch.tensor(np.asarray(array, order="C"), dtype=dtype, device=device)


def to_jax(array: np.ndarray, precision: Precision, device: "jax.Device", given_up: bool = False) -> "jax.Array":
    """A new array with its own memory: floats at ``precision``, integers as int32, the widest without x64.

    With ``given_up`` the caller made the array for this call and keeps no hold of it: it is copied only where its
    dtype or layout is another. Call it inside ``jax.enable_x64(True)`` for float64.

    Raises:
        UsageError: an integer is out of int32's range.
    """
    import jax
    import jax.numpy as jnp

    dtype: Any = array.dtype
    if array.dtype.kind == "f":
        dtype = getattr(jnp, precision.name)
    elif array.dtype.kind in "iu":
        check_int32(array, "the port")
        dtype = np.int32
    return jax.device_put(np.array(array, dtype=dtype, order="C", copy=None if given_up else True), device)


def from_torch(tensor: "torch.Tensor") -> np.ndarray:
    """A copy in NumPy, off the tape and off the device; bfloat16 comes as float32."""
    import torch

    tensor = tensor.detach()
    if tensor.dtype is torch.bfloat16:
        tensor = tensor.float()
    return np.array(tensor.cpu().numpy(), order="C", copy=True)


def from_jax(array: "jax.Array") -> np.ndarray:
    """The array in NumPy, read-only; bfloat16 comes as float32. Call it where the array was made: x64 is a context."""
    out = np.asarray(array)
    return out.astype(np.float32) if out.dtype.name == "bfloat16" else out
