"""Faults in functions whose float64 torch computes to float32 only: none of them hides behind that."""

from collections.abc import Callable
from functools import partial

import jax
import torch
import torch.nn.functional as F
from jax import Array
from jax import numpy as jnp
from torch import Tensor

from compare.pair.pair import Pair
from tests.compare.planted import nnx_port, paired
from tests.compare.planted.row import Planted
from tests.compare.zoo import seeded
from tests.compare.zoo.between import Net, NetLinen, NetNNX, X
from tests.compare.zoo.kernels import celu

Between = Callable[[Array], Array]


def linen_net(reference: Callable[[Tensor], Tensor], between: Between) -> Callable[[], Pair]:
    return paired(seeded(Net, reference), lambda: NetLinen(between), X)


def nnx_net(reference: Callable[[Tensor], Tensor], between: Between) -> Callable[[], Pair]:
    return paired(seeded(Net, reference), nnx_port(NetNNX, between), X)


def hard_sigmoid(slope: float) -> Between:
    return lambda h: jnp.clip(h + 3, 0, 6) * slope


def hard_swish(slope: float) -> Between:
    return lambda h: h * jnp.clip(h + 3, 0, 6) * slope


@jax.custom_jvp
def leaning(h: Array) -> Array:
    """Hard sigmoid with a gradient of 0.1667 for 1/6: no output tells it."""
    return hard_sigmoid(1 / 6)(h)


leaning.defjvps(lambda rate, out, h: rate * jnp.where(jnp.abs(h) < 3, 0.1667, 0.0))


def digamma(offset: float) -> Between:
    return lambda h: jax.scipy.special.digamma(h**2 + offset)


def psi(h: Tensor) -> Tensor:
    return torch.digamma(h**2 + 0.5)


CELU = partial(F.celu, alpha=0.3)
CELU_LINEN, CELU_NNX = linen_net(CELU, celu(0.3)), nnx_net(CELU, celu(0.3))
SIGMOID_LINEN = linen_net(F.hardsigmoid, hard_sigmoid(1 / 6))
SIGMOID_NNX = nnx_net(F.hardsigmoid, hard_sigmoid(1 / 6))
NEARLY = 0.3 * (1 + 1e-6)

ROWS = [
    Planted("CELU's alpha 0.31 for 0.3 (Linen)", linen_net(CELU, celu(0.31)), CELU_LINEN, setting="alpha", port="0.31"),
    Planted("CELU's alpha off by 1e-6 (Linen)", linen_net(CELU, celu(NEARLY)), CELU_LINEN, setting="alpha",
            port="0.3000003"),
    Planted("CELU's alpha off by 1e-6 (NNX)", nnx_net(CELU, celu(NEARLY)), CELU_NNX, setting="alpha", port="0.3000003"),
    Planted("hard sigmoid's slope 0.1667 (Linen)", linen_net(F.hardsigmoid, hard_sigmoid(0.1667)), SIGMOID_LINEN,
            setting="scale", port="1.0002"),
    Planted("hard sigmoid's gradient 0.1667 (NNX)", nnx_net(F.hardsigmoid, leaning), SIGMOID_NNX, direction="backward",
            setting="gradient"),
    Planted("hard sigmoid's slope off by 1e-8 (NNX)", nnx_net(F.hardsigmoid, hard_sigmoid((1 + 1e-8) / 6)),
            SIGMOID_NNX, setting="scale", port="1.00000001"),
    Planted("hard swish's slope 0.1667 (Linen)", linen_net(F.hardswish, hard_swish(0.1667)),
            linen_net(F.hardswish, hard_swish(1 / 6)), setting="scale", port="1.0002"),
    Planted("digamma's argument off by 1e-9 (NNX)", nnx_net(psi, digamma(0.5 + 1e-9)), nnx_net(psi, digamma(0.5)),
            setting="constant", port="0.500000001"),
]  # fmt: skip
