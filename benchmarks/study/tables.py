"""The tables of positions on the port's side: held in float32, or computed where they are used."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from benchmarks.study.network import Op

WAYS = ("numpy", "numpy32", "jnp")  # computed in float64 and rounded once, or in float32 by either library


def _angles(base: float, steps: int, half: int, way: str, dtype: jnp.dtype, offset: float = 0.0) -> Array | np.ndarray:
    """Positions times speeds, of (steps, half)."""
    if way == "numpy":
        return (np.arange(steps) + offset)[:, None] * base ** (-np.arange(half) / half)
    library, made_in = (np, np.float32) if way == "numpy32" else (jnp, dtype)
    speeds = library.asarray(base, made_in) ** (-library.arange(half, dtype=made_in) / made_in(half))
    return (library.arange(steps, dtype=made_in) + made_in(offset))[:, None] * speeds


def _finished(op: Op, table: Array | np.ndarray, dtype: jnp.dtype) -> Array:
    table = jnp.asarray(table.astype(np.float32) if op.get("held") else table, None if op.get("held") else dtype)
    return jnp.roll(table, op["rolled"], axis=0) if "rolled" in op.settings else table


def rotary(op: Op, steps: int, dtype: jnp.dtype, offset: float = 0.0) -> tuple[Array, Array]:
    """Cosines and sines of (steps, half of a head's width)."""
    half = op["width"] // op["heads"] // 2
    held = op.get("held")
    inside = jnp.float32 if held or op["island_port"] else dtype
    angles = _angles(op["base"], steps, half, held[1] if held else "jnp", _type(inside), offset)
    library = np if isinstance(angles, np.ndarray) else jnp
    return _finished(op, library.cos(angles), inside), _finished(op, library.sin(angles), inside)


def sinusoid(op: Op, dtype: jnp.dtype) -> Array:
    """Sines, then cosines, of (steps, width)."""
    held = op.get("held")
    inside = jnp.float32 if held else dtype
    angles = _angles(op["base"], op["steps"], op["width"] // 2, held[1] if held else "jnp", _type(inside))
    library = np if isinstance(angles, np.ndarray) else jnp
    return _finished(op, library.concatenate([library.sin(angles), library.cos(angles)], -1), inside)


def _type(dtype: jnp.dtype) -> type:
    return jnp.dtype(dtype).type
