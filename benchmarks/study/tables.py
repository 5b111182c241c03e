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
    exact, own, held = _table(op, exact=True), _table(op), _table(other)
    units = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    return bool((np.abs(held - exact) <= np.maximum(UNITS * units, np.abs(own - exact))).all())


def _table(op: Op, exact: bool = False) -> np.ndarray:
    """The whole table in float64: as ``op`` holds it, or every digit of it."""
    half = op["width"] // op.get("heads", 1) // 2
    way = "numpy" if exact else op["held"][1]
    angles = np.asarray(_angles(op["base"], op["steps"], half, way, np.float32))  # type: ignore[arg-type]
    table = np.concatenate([np.cos(angles), np.sin(angles)], -1)
    return np.asarray(table, np.float64) if exact else table.astype(np.float32).astype(np.float64)
