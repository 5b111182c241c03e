"""Identical NumPy arrays in, NumPy arrays out: the only place where dtype, device and contiguity are decided.

Each rule answers a way in which two frameworks that share a buffer go wrong:

- JAX on the CPU may read a NumPy buffer after the call that took it has returned, ``jnp.array`` of an unaligned buffer
  included, and ``jax.device_put`` may alias it for good. So a batch is frozen (read-only), and JAX gets a private copy
  made by NumPy, which nobody can change.
- ``torch.from_numpy`` shares memory and lets a read-only array be written; ``torch.from_dlpack`` ends the process on
  a negative stride. So torch gets ``torch.tensor`` of a C-contiguous array, which copies.
- An array that leaves JAX is a read-only view, one that leaves torch is copied: neither can be changed by accident.
- A complex number is two floats of one precision. Neither framework has one of bfloat16 or float16 that its operations
  take, so there it is held in complex64, both parts rounded.
"""

from collections.abc import Callable, Mapping
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
FLOATING = "fc"  # kinds of dtype that have a gradient


def freeze(array: Any) -> np.ndarray:
    """A read-only, C-contiguous copy that nobody else holds."""
    frozen = np.array(array, order="C", copy=True)
    frozen.setflags(write=False)
    return frozen


def complex_name(precision: Precision) -> str:
    """The complex dtype at a precision, by the name that NumPy, torch and JAX have for it."""
    return "complex128" if precision is FLOAT64 else "complex64"


def parts(array: np.ndarray) -> np.ndarray:
    """Real and imaginary parts of a complex array as floats (..., 2); its own memory where it is C-contiguous."""
    whole = np.asarray(array, order="C")
    return whole.reshape(*whole.shape, 1).view(whole.real.dtype)


def from_parts(floats: np.ndarray) -> np.ndarray:
    """The complex array (...) whose real and imaginary parts are ``floats`` (..., 2), of float32 or float64."""
    return np.ascontiguousarray(floats).view(np.result_type(floats.dtype, np.complex64))[..., 0]


def by_parts(change: Callable[[np.ndarray], np.ndarray], array: np.ndarray) -> np.ndarray:
    """What ``change`` makes of an array of floats; of a complex one, of its parts."""
    return from_parts(change(parts(array))) if array.dtype.kind == "c" else change(array)


def wide(array: np.ndarray) -> np.ndarray:
    """The same values in float64, or in complex128."""
    return np.asarray(array, np.complex128 if np.iscomplexobj(array) else np.float64)


def rounded(array: np.ndarray, precision: Precision) -> np.ndarray:
    """``array`` with every float rounded to ``precision``, frozen. Integers and booleans are kept as they are.

    bfloat16 is no NumPy dtype: its values come back in float32, which holds them exactly; so do complex numbers whose
    parts are float16 or bfloat16, in complex64.
    """
    if array.dtype.kind == "c":
        own = parts(array)
        floats = rounded(own, precision)
        if floats is own and not array.flags.writeable:
            return array
        return freeze(from_parts(floats.astype(np.float64 if precision is FLOAT64 else np.float32)))
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
    if array.dtype.kind in FLOATING:
        dtype = getattr(torch, complex_name(precision) if array.dtype.kind == "c" else precision.name)
    elif array.dtype.kind in "iu":
        dtype = torch.int64
    return torch.tensor(np.asarray(array, order="C"), dtype=dtype, device=device)


def to_jax(
    array: np.ndarray, precision: Precision, device: "jax.Device | jax.sharding.Sharding", given_up: bool = False
) -> "jax.Array":
    """A new array with its own memory: floats at ``precision``, integers as int32, the widest without x64; on one
    device, or spread over several as a sharding says.

    With ``given_up`` the caller made the array for this call and keeps no hold of it: it is copied only where its
    dtype or layout is another. Call it inside ``jax.enable_x64(True)`` for float64.

    Raises:
        UsageError: an integer is out of int32's range.
    """
    import jax
    import jax.numpy as jnp

    dtype: Any = array.dtype
    if array.dtype.kind in FLOATING:
        dtype = getattr(jnp, complex_name(precision) if array.dtype.kind == "c" else precision.name)
    elif array.dtype.kind in "iu":
        check_int32(array, "the port")
        dtype = np.int32
    return jax.device_put(np.array(array, dtype=dtype, order="C", copy=None if given_up else True), device)


def from_torch(tensor: "torch.Tensor") -> np.ndarray:
    """A copy in NumPy, off the tape and off the device; bfloat16 comes as float32."""
    import torch

    tensor = tensor.detach().resolve_conj().resolve_neg()
    if tensor.dtype is torch.bfloat16:
        tensor = tensor.float()
    return np.array(tensor.cpu().numpy(), order="C", copy=True)


def from_jax(array: "jax.Array | np.ndarray") -> np.ndarray:
    """The array in NumPy, read-only; bfloat16 comes as float32. Call it where the array was made: x64 is a context; of
    one that lies in several processes, in all of them."""
    if not (isinstance(array, np.ndarray) or array.is_fully_addressable or array.is_fully_replicated):
        from jax.experimental.multihost_utils import process_allgather

        array = process_allgather(array, tiled=True)
    out = np.asarray(array)
    return out.astype(np.float32) if out.dtype.name == "bfloat16" else out
