"""What either community's code is written with: the modules by their usual names, and what an expression needs to hand
a Flax layer its weights."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax.contrib
import torch
from flax import linen, nnx

PORT_MODULES: dict[str, Any] = {
    "jax": jax, "jnp": jnp, "lax": jax.lax, "linen": linen, "nnx": nnx, "optax": optax, "np": np,
}  # fmt: skip
REFERENCE_MODULES: dict[str, Any] = {
    "torch": torch,
    "nn": torch.nn,
    "F": torch.nn.functional,
    "init": torch.nn.init,
    "optim": torch.optim,
    "np": np,
}


def params(**leaves: Any) -> dict[str, Any]:
    """A Linen layer's variables."""
    return {"params": leaves}


def filled(module: Any, **leaves: Any) -> Any:
    """An NNX layer with its variables replaced, each by its name; of a layer inside, ``inner={"kernel": ...}``."""
    for name, value in leaves.items():
        inner = getattr(module, name)
        if isinstance(value, dict):
            filled(inner, **value)
        else:
            setattr(module, name, type(inner)(value))
    return module


def last(x: Any) -> Any:
    """Channels, torch's axis 1, moved to the end, where Flax has them."""
    return jnp.moveaxis(x, 1, -1)


def first(x: Any) -> Any:
    """Channels from the end back to axis 1."""
    return jnp.moveaxis(x, -1, 1)


PORT_NAMES: dict[str, Any] = {**PORT_MODULES, "params": params, "filled": filled, "last": last, "first": first}
