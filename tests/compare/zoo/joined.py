"""Ports that hold in one array what torch holds in several, and one whose outputs are channels last."""

from typing import Any

import jax
import numpy as np
import torch
import torch.nn.functional as F
from flax import linen, nnx
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn

from tests.compare.zoo import normal, seeded
from tests.compare.zoo.row import Sound

EXPERTS, WIDTH, HIDDEN = 3, 6, 5


class Experts(nn.Module):
    """Small networks side by side, weighed by a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(WIDTH, EXPERTS)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 2)) for _ in range(EXPERTS)
        )

    def forward(self, x: Tensor) -> Tensor:
        every = torch.stack([expert(x) for expert in self.experts], dim=1)
        return (self.gate(x).softmax(-1)[..., None] * every).sum(1)


class ExpertLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        return linen.Dense(2, name="down")(jnp.tanh(linen.Dense(HIDDEN, name="up")(x)))


class ExpertsLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        stacked: Any = linen.vmap(
            ExpertLinen, variable_axes={"params": 0}, split_rngs={"params": True}, in_axes=None, axis_size=EXPERTS
        )
        gates = jax.nn.softmax(linen.Dense(EXPERTS, name="gate")(x))
        return jnp.einsum("ebo,be->bo", stacked(name="experts")(x), gates)


class Joint(nn.Module):
    """W x + U y, each with a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.u = nn.Linear(WIDTH, HIDDEN), nn.Linear(4, HIDDEN)
        self.mean, self.spread = nn.Linear(HIDDEN, 3), nn.Linear(HIDDEN, 2)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        hidden = torch.tanh(self.w(x) + self.u(y))
        return torch.cat([self.mean(hidden), self.spread(hidden)], dim=-1)


class JointNNX(nnx.Module):
    """One kernel over [x, y], and one for both heads."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.hidden, self.heads = nnx.Linear(WIDTH + 4, HIDDEN, rngs=rngs), nnx.Linear(HIDDEN, 5, rngs=rngs)

    def __call__(self, x: Array, y: Array) -> Array:
        return self.heads(jnp.tanh(self.hidden(jnp.concatenate([x, y], -1))))


class Enlarged(nn.Module):
    """An image twice as large, of as many channels as it had rows."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(self.conv(x), scale_factor=2, mode="bilinear", align_corners=False)


class EnlargedNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv = nnx.Conv(3, 4, (3, 3), padding=1, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        y = self.conv(x)
        return jax.image.resize(y, (y.shape[0], 2 * y.shape[1], 2 * y.shape[2], y.shape[3]), "bilinear")


def two(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return rng.standard_normal((5, WIDTH)).astype(np.float32), rng.standard_normal((5, 4)).astype(np.float32)


SMOOTH = {"smooth": True}
ROWS = [
    Sound("stacked_experts_linen", seeded(Experts), ExpertsLinen, normal(5, WIDTH), SMOOTH),
    Sound("one_kernel_for_two_nnx", seeded(Joint), lambda: JointNNX(nnx.Rngs(0)), two, SMOOTH),
    Sound("channels_last_output_nnx", seeded(Enlarged), lambda: EnlargedNNX(nnx.Rngs(0)), normal(2, 3, 4, 4), SMOOTH),
]
