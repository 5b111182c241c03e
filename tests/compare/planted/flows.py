"""Faults of what flows where: a slope at the wrong point, a scale of the whole block, a degree along the wrong axis,
values that are rotated too.
"""

from typing import Any

import jax
import torch
from jax import Array
from jax import numpy as jnp
from torch import Tensor

from tests.compare.planted.functions import WIDE, faults


def runge_kutta(m: Any, h: Any, third: int = 1, step: float = 0.4) -> Any:
    """One step of the classical method, its third slope at the point to which slope ``third`` leads."""

    def slope(y: Any) -> Any:
        return m.sin(2 * y)

    slopes = [slope(h)]
    slopes.append(slope(h + step / 2 * slopes[0]))
    slopes.append(slope(h + step / 2 * slopes[third]))
    slopes.append(slope(h + step * slopes[2]))
    return h + step / 6 * (slopes[0] + 2 * slopes[1] + 2 * slopes[2] + slopes[3])


def scaled(h: Tensor) -> Tensor:
    return h + torch.linspace(0.1, 0.8, WIDE, dtype=h.dtype) * torch.tanh(h)


def scaled_by(h: Array, block: bool = False) -> Array:
    gamma, branch = jnp.linspace(0.1, 0.8, WIDE, dtype=h.dtype), jnp.tanh(h)
    return gamma * (h + branch) if block else h + gamma * branch


def convolved(h: Tensor) -> Tensor:
    """A graph convolution, D^-1/2 A D^-1/2 of what rows have in common."""
    near = torch.sigmoid(h @ h.T)
    root = torch.rsqrt(near.sum(-1))
    return (root[:, None] * near * root[None, :]) @ h


def convolved_by(h: Array, walk: bool = False) -> Array:
    near = jax.nn.sigmoid(h @ h.T)
    degree = near.sum(-1)
    if walk:
        return near / degree[:, None] @ h
    root = jax.lax.rsqrt(degree)
    return (root[:, None] * near * root[None, :]) @ h


def rotated(m: Any, join: Any, h: Any) -> Any:
    angle = 0.7 * m.ones_like(h[:, :1]).cumsum(0)
    return h * m.cos(angle) + join((-h[:, WIDE // 2 :], h[:, : WIDE // 2]), -1) * m.sin(angle)


def attended(h: Tensor) -> Tensor:
    query, key, value = rotated(torch, torch.cat, torch.tanh(h)), rotated(torch, torch.cat, torch.sin(h)), torch.cos(h)
    return torch.softmax(query @ key.T, -1) @ (1.5 * value)


def attended_by(h: Array, values: bool = False) -> Array:
    query, key, value = jnp.tanh(h), jnp.sin(h), jnp.cos(h)
    query, key = rotated(jnp, jnp.concatenate, query), rotated(jnp, jnp.concatenate, key)
    value = rotated(jnp, jnp.concatenate, value) if values else value
    return jax.nn.softmax(query @ key.T) @ (1.5 * value)


ROWS = [
    *faults(
        "NNX", lambda h: runge_kutta(torch, h), lambda h: runge_kutta(jnp, h),
        ("a third slope where the first leads", lambda h: runge_kutta(jnp, h, 0), "operand", ""),
    ),
    *faults(
        "Linen", scaled, scaled_by,
        ("a layer's scale of the whole block", lambda h: scaled_by(h, True), "scale", "the whole sum"),
    ),
    *faults(
        "NNX", convolved, convolved_by,
        ("a random walk for the symmetric normalisation", lambda h: convolved_by(h, True), "axis", "1"),
    ),
    *faults(
        "Linen", attended, attended_by,
        ("values that are rotated as queries are", lambda h: attended_by(h, True), "steps", ""),
    ),
]  # fmt: skip
