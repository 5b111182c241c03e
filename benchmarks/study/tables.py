"""The tables of positions on the port's side: held in float32, or computed where they are used."""

import jax.numpy as jnp
import numpy as np
from jax import Array

from benchmarks.study.network import Op

UNITS = 4.0  # in the last place of float32, two on either side
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


def is_a_rounding(op: Op, other: Op) -> bool:
    """Whether the table that ``other`` holds in float32 is one that ``op`` may hold: both within two units in the last
    place of one table between them, or as near to the exact one as its own code comes. No verdict can tell them apart,
    and a base that is off by so little is no fault."""
    if not (op.get("held") and other.get("held")) or op.but(base=0.0) != other.but(base=0.0):
        return False
    exact = np.concatenate(_exact(op), -1)
    own, held = (np.concatenate(_held(one), -1).astype(np.float64) for one in (op, other))
    units = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    return bool((np.abs(held - exact) <= np.maximum(UNITS * units, np.abs(own - exact))).all())


def _held(op: Op) -> list[np.ndarray]:
    """The cosines and sines that ``op`` holds."""
    if op.kind == "attention":
        return [np.asarray(table) for table in rotary(op, op["steps"], jnp.float32)]
    sine, cosine = np.split(np.asarray(sinusoid(op, jnp.float32)), 2, -1)
    return [cosine, sine]


def _exact(op: Op) -> list[np.ndarray]:
    """Every digit of them."""
    angles = np.asarray(_angles(op["base"], op["steps"], op["width"] // op.get("heads", 1) // 2, "numpy", jnp.float64))
    return [np.cos(angles), np.sin(angles)]
