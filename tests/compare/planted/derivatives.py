"""Faults that the forward pass does not show: gradients stopped, let through, turned, and NaN where torch has zero."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import torch
import torch.nn.functional as F
from flax import linen
from jax import Array, lax
from jax import numpy as jnp
from torch import Tensor, nn

from tests.compare.planted import paired
from tests.compare.planted.functions import X as BATCH
from tests.compare.planted.row import Planted
from tests.compare.zoo import seeded
from tests.compare.zoo.between import WIDE, WIDTH, Between, Net, NetLinen


class Unbiased(nn.Module):
    """A layer without a bias, so that a row of zeros stays one."""

    def __init__(self, between: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.up, self.between = nn.Linear(WIDTH, WIDE, bias=False), between

    def forward(self, x: Tensor) -> Tensor:
        return self.between(self.up(x))


class UnbiasedLinen(linen.Module):
    between: Between

    @linen.compact
    def __call__(self, x: Array) -> Array:
        return self.between(linen.Dense(WIDE, use_bias=False, name="up")(x))


def zeros(rng: np.random.Generator) -> np.ndarray:
    x = rng.standard_normal((4, WIDTH), dtype=np.float32)
    x[1] = 0
    return x


def backward(
    name: str, own: Callable[[Tensor], Tensor], right: Between, wrong: Between, zero: bool = False, **named: str
) -> Planted:
    """A fault of the backward pass; ``zero``: on a row of zeros."""
    reference, port = (Unbiased, UnbiasedLinen) if zero else (Net, NetLinen)

    def pair(between: Between) -> Any:
        return paired(seeded(lambda: reference(own)), lambda: port(between), zeros if zero else BATCH)

    return Planted(f"{name} (Linen)", pair(wrong), pair(right), direction="backward", **named)


def safe(h: Array) -> Array:
    """Sums of squares whose root has a derivative of zero at zero."""
    squares = (h * h).sum(-1, keepdims=True)
    there = squares > 0
    return jnp.where(there, jnp.sqrt(jnp.where(there, squares, 1.0)), 0.0)


def deviation(h: Array) -> Array:
    return safe(h - h.mean(-1, keepdims=True)) / (h.shape[-1] - 1) ** 0.5


def clipped(h: Array) -> Array:
    return jnp.clip(h, -0.5, 0.5)


def straight(h: Array) -> Array:
    return h + lax.stop_gradient(clipped(h) - h)


class Turning(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *back: Tensor) -> Tensor:
        return -back[0]


@jax.custom_vjp
def turning(x: Array) -> Array:
    return x


turning.defvjp(lambda x: (x, None), lambda _, g: (-g,))


def weighed(h: Tensor) -> Tensor:
    with torch.no_grad():
        weights = torch.softmax(h, -1)
    return weights * h


def half_stopped(h: Tensor) -> Tensor:
    return 0.5 * h + (0.5 * torch.tanh(h)).detach()


def normed(h: Array, stop: Between = lambda x: x) -> Array:
    centred = h - h.mean(-1, keepdims=True)
    return centred / jnp.sqrt(stop(h.var(-1, keepdims=True)) + 1e-5)


def by_hand(h: Tensor) -> Tensor:
    centred = h - h.mean(-1, keepdim=True)
    return centred / torch.sqrt(h.var(-1, keepdim=True, unbiased=False) + 1e-5)


ROWS = [
    backward("a norm's gradient at zero", lambda h: torch.tanh(h) * h.norm(dim=-1, keepdim=True),
             lambda h: jnp.tanh(h) * safe(h), lambda h: jnp.tanh(h) * jnp.sqrt((h * h).sum(-1, keepdims=True)), True,
             verdict="invalid", setting="gradient at zero", port="NaN"),
    backward("a deviation's gradient at zero", lambda h: torch.tanh(h) * h.std(-1, keepdim=True),
             lambda h: jnp.tanh(h) * deviation(h), lambda h: jnp.tanh(h) * h.std(-1, keepdims=True, ddof=1), True,
             verdict="invalid", setting="gradient at zero", port="NaN"),
    backward("a normalised row's gradient at zero", lambda h: F.normalize(h, dim=-1, eps=1e-3),
             lambda h: h / jnp.maximum(safe(h), 1e-3),
             lambda h: h / jnp.maximum(jnp.linalg.norm(h, axis=-1, keepdims=True), 1e-3), True,
             verdict="invalid", setting="gradient at zero", port="NaN"),
    backward("straight through a clip", lambda h: h.clamp(-0.5, 0.5), clipped, straight, setting="derivative"),
    backward("a clip that stops what is let through", lambda h: h + (h.clamp(-0.5, 0.5) - h).detach(), straight,
             clipped, setting="stop_gradient"),
    backward("weights of no_grad let through", weighed, lambda h: lax.stop_gradient(jax.nn.softmax(h)) * h,
             lambda h: jax.nn.softmax(h) * h, setting="stop_gradient"),
    backward("a term that is detached let through", half_stopped,
             lambda h: 0.5 * h + lax.stop_gradient(0.5 * jnp.tanh(h)), lambda h: 0.5 * h + 0.5 * jnp.tanh(h),
             setting="stop_gradient"),
    backward("a variance that is not differentiated", by_hand, normed, lambda h: normed(h, lax.stop_gradient),
             setting="stop_gradient"),
    backward("a gradient that is not turned", lambda h: Turning.apply(torch.tanh(h)),
             lambda h: turning(jnp.tanh(h)), jnp.tanh, setting="gradient"),
    backward("a gradient twice as large", torch.tanh, jnp.tanh,
             lambda h: 2 * jnp.tanh(h) - lax.stop_gradient(jnp.tanh(h)), setting="gradient"),
]  # fmt: skip
