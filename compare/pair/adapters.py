"""What each side's model is called with: the batch's arguments, through the pair's adapter if there is one."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from compare.arrays.arrays import Arrays
from compare.arrays.batch import Batch
from compare.errors import UsageError, swallowed
from compare.frameworks.blame import described
from compare.pair.pair import Pair, UserFunction


def called(adapt: UserFunction | None, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    """What a side's model is called with: the batch's arguments, through the pair's adapter if there is one."""
    if adapt is None:
        return args, kwargs
    try:
        arguments = adapt(*args, **kwargs)
    except Exception as error:
        swallowed(error)
        raise UsageError(
            f"an adapter of the inputs (reference_inputs=, port_inputs=) raised {described(error)}"
        ) from error
    if isinstance(arguments, dict):
        return (), arguments
    return (arguments if isinstance(arguments, tuple) else (arguments,)), {}


def adapted_reference(pair: Pair, batch: Batch) -> tuple[tuple, dict[str, Any]]:
    """What the reference is called with, in NumPy."""
    return _adapted(pair.reference_inputs, batch, _seen_by_torch)


def adapted_port(pair: Pair, batch: Batch) -> tuple[tuple, dict[str, Any]]:
    """What the port is called with, in NumPy."""
    return _adapted(pair.port_inputs, batch, _seen_by_jax)


def _seen_by_torch(arrays: Arrays) -> dict[str, Any]:
    import torch

    return {name: torch.tensor(array) for name, array in arrays.items()}


def _seen_by_jax(arrays: Arrays) -> dict[str, Any]:
    import jax.numpy as jnp

    return {name: jnp.array(array) for name, array in arrays.items()}


def _as_numpy(item: Any) -> Any:
    """A nest of either framework's arrays in NumPy."""
    if isinstance(item, Mapping):
        return {key: _as_numpy(part) for key, part in item.items()}
    if isinstance(item, tuple | list):
        items = [_as_numpy(part) for part in item]
        return type(item)(*items) if hasattr(item, "_fields") else type(item)(items)
    return np.asarray(item) if hasattr(item, "dtype") and hasattr(item, "shape") else item


def _adapted(
    adapt: UserFunction | None, batch: Batch, seen: Callable[[Arrays], dict[str, Any]]
) -> tuple[tuple, dict[str, Any]]:
    """What a side's model is called with, in NumPy; the adapter itself gets the side's own arrays."""
    if adapt is None:
        return batch.call(batch.inputs)
    args, kwargs = called(adapt, *batch.call(seen(batch.inputs)))
    return _as_numpy(args), _as_numpy(kwargs)
