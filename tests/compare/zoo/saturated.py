"""Sound ports on inputs that saturate them: gradients that are exactly 0 in float32 and a cancellation in float64."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import torch
from flax import linen, nnx
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn

from tests.compare.zoo import normal, seeded
from tests.compare.zoo.row import Sound

HALF, COUPLINGS = 4, 3
BEYOND = 15.0  # 1 - tanh**2 is 4e-13 here: exactly 0 in float32, a cancellation in float64
Function = Callable[[Array], Array]


def wide(rng: np.random.Generator) -> np.ndarray:
    """Inputs of size 60: where a unit's argument is between 9 and 19, float32 has lost what float64 still has."""
    return 60 * rng.standard_normal((8, 2 * HALF), dtype=np.float32)


class Coupling(nn.Module):
    """Half of the units scaled and shifted by what the other half says, as RealNVP does; then both change places."""

    def __init__(self, bounded: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.scale, self.shift, self.bounded = nn.Linear(HALF, HALF), nn.Linear(HALF, HALF), bounded

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, -1)
        return torch.cat([second * torch.exp(self.bounded(self.scale(first))) + self.shift(first), first], -1)


class Couplings(nn.Module):
    def __init__(self, bounded: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.parts = nn.Sequential(*(Coupling(bounded) for _ in range(COUPLINGS)))

    def forward(self, x: Tensor) -> Tensor:
        return self.parts(x)


class CouplingLinen(linen.Module):
    bounded: Function

    @linen.compact
    def __call__(self, x: Array) -> Array:
        first, second = jnp.split(x, 2, -1)
        scale, shift = (linen.Dense(HALF, name=name)(first) for name in ("scale", "shift"))
        return jnp.concatenate([second * jnp.exp(self.bounded(scale)) + shift, first], -1)


class CouplingsLinen(linen.Module):
    bounded: Function

    @linen.compact
    def __call__(self, x: Array) -> Array:
        for number in range(COUPLINGS):
            x = CouplingLinen(self.bounded, name=f"parts_{number}")(x)
        return x


class CouplingNNX(nnx.Module):
    def __init__(self, bounded: Function, rngs: nnx.Rngs) -> None:
        self.scale, self.shift = nnx.Linear(HALF, HALF, rngs=rngs), nnx.Linear(HALF, HALF, rngs=rngs)
        self.bounded = bounded

    def __call__(self, x: Array) -> Array:
        first, second = jnp.split(x, 2, -1)
        return jnp.concatenate([second * jnp.exp(self.bounded(self.scale(first))) + self.shift(first), first], -1)


class CouplingsNNX(nnx.Module):
    def __init__(self, bounded: Function, rngs: nnx.Rngs) -> None:
        self.parts = nnx.List([CouplingNNX(bounded, rngs) for _ in range(COUPLINGS)])

    def __call__(self, x: Array) -> Array:
        for part in self.parts:
            x = part(x)
        return x


def row(name: str, bounded: Callable[[Tensor], Tensor], port: Callable[[], Any], batch: Any = None) -> Sound:
    return Sound(name, seeded(Couplings, bounded), port, batch or normal(8, 2 * HALF))


def beyond(v: Tensor) -> Tensor:
    return torch.tanh(v + BEYOND)


def by_sigmoid(v: Array) -> Array:
    """The same tanh; its derivative cancels in another place."""
    return 2 * jax.nn.sigmoid(2 * (v + BEYOND)) - 1


def decided(v: Array) -> Array:
    return jax.nn.softmax(v + 2 * BEYOND * (jnp.arange(HALF) == 1))


ONE_HOT = torch.tensor([0.0, 1.0, 0.0, 0.0])
ROWS = [
    row("tanh_couplings_linen", torch.tanh, lambda: CouplingsLinen(jnp.tanh), wide),
    row("tanh_beyond_nnx", beyond, lambda: CouplingsNNX(lambda v: jnp.tanh(v + BEYOND), nnx.Rngs(0))),
    row("tanh_by_sigmoid_linen", beyond, lambda: CouplingsLinen(by_sigmoid)),
    row("tanh_by_sigmoid_nnx", beyond, lambda: CouplingsNNX(by_sigmoid, nnx.Rngs(0))),
    row("decided_linen", lambda v: (v + 2 * BEYOND * ONE_HOT).softmax(-1), lambda: CouplingsLinen(decided)),
]
