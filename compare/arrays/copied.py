"""A tensor of torch or an array of JAX that a user feeds to a pair, copied into NumPy. Imports neither framework.

What is copied is values: on which device they lie, and whether they want a gradient, is decided anew on each side.
"""

import sys
from typing import TYPE_CHECKING

import numpy as np

from compare.arrays.arrays import from_jax, from_torch
from compare.errors import UsageError, swallowed

if TYPE_CHECKING:
    import jax
    import torch


def copied(value: object, name: str) -> object:
    """``value`` in NumPy where it is an array of either framework, or of a float that NumPy has not; else as it is.

    Floats that NumPy has not (bfloat16, the eight-bit ones) come as float32, which holds them exactly.

    Raises:
        UsageError: it has no values to copy (a sparse or meta tensor, a traced or deleted array, a random key).
    """
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    try:
        if torch is not None and isinstance(value, torch.Tensor):
            return _of_torch(value)
        if jax is not None and isinstance(value, jax.Array):
            return _widened(_of_jax(value))
    except Exception as error:
        swallowed(error)
        kind = f"{type(value).__module__.partition('.')[0]}.{type(value).__name__}"
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise UsageError(
            f"batch: {name} is a {kind} that cannot be copied ({why}): give its values in NumPy"
        ) from error
    return _widened(value) if isinstance(value, np.ndarray | np.generic) else value


def _of_torch(tensor: "torch.Tensor") -> np.ndarray:
    import torch

    if tensor.dtype is torch.complex32:
        return from_torch(tensor.to(torch.complex64))
    known = (torch.float16, torch.float32, torch.float64)
    return from_torch(tensor.float() if tensor.is_floating_point() and tensor.dtype not in known else tensor)


def _of_jax(array: "jax.Array") -> np.ndarray:
    import jax

    if jax.dtypes.issubdtype(array.dtype, jax.dtypes.prng_key):
        raise TypeError("a random key: torch draws with none, name the port's streams in rngs=")
    return from_jax(array)


def _widened(array: np.ndarray | np.generic) -> np.ndarray | np.generic:
    """Of a type that NumPy itself has."""
    if array.dtype.kind != "V" or array.dtype.type.__module__ != "ml_dtypes":
        return array
    return array.astype(np.float32 if "float" in array.dtype.name else np.int32)
