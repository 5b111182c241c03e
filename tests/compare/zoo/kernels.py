"""Sound ports of functions that torch computes to float32 only when it is asked for float64.

The gradients of ``hardsigmoid`` (1/6), of ``celu`` (an alpha that float32 does not hold) and of ``digamma`` on a CPU;
``hardswish`` and others on a GPU.
"""

from collections.abc import Callable
from functools import partial

import jax
import torch
import torch.nn.functional as F
from flax import linen, nnx
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn

from tests.compare.zoo import seeded
from tests.compare.zoo.between import Net, NetLinen, NetNNX, X
from tests.compare.zoo.row import Sound


def row(
    name: str, reference: Callable[[Tensor], Tensor], port: Callable[[Array], Array], style: str = "linen"
) -> Sound:
    ports = {"linen": partial(NetLinen, port), "nnx": lambda: NetNNX(port, nnx.Rngs(0))}
    return Sound(f"{name}_{style}", seeded(Net, reference), ports[style], X)


def celu(alpha: float) -> Callable[[Array], Array]:
    return lambda h: jnp.where(h > 0, h, alpha * jnp.expm1(jnp.where(h > 0, 0.0, h) / alpha))


def log_gamma_slope(h: Array) -> Array:
    return jax.scipy.special.digamma(h**2 + 0.5)


ROWS = [
    row("hard_sigmoid", F.hardsigmoid, linen.hard_sigmoid),
    row("hard_sigmoid", nn.Hardsigmoid(), nnx.hard_sigmoid, "nnx"),
    row("hard_sigmoid_in_place", partial(F.hardsigmoid, inplace=True), linen.hard_sigmoid),
    row("hard_swish", F.hardswish, linen.hard_swish),
    row("hard_swish_in_place", nn.Hardswish(inplace=True), nnx.hard_swish, "nnx"),
    row("gated_by_hard_sigmoid", lambda h: h * F.hardsigmoid(h), linen.hard_swish),
    row("celu", partial(F.celu, alpha=0.3), partial(jax.nn.celu, alpha=0.3)),
    row("celu", nn.CELU(0.3), celu(0.3), "nnx"),
    row("celu_in_place", nn.CELU(0.7, inplace=True), celu(0.7)),
    row("celu_of_tenths", partial(torch.celu, alpha=1.1), partial(nnx.celu, alpha=1.1), "nnx"),
    row("digamma", lambda h: torch.digamma(h**2 + 0.5), log_gamma_slope),
    row("digamma", lambda h: torch.special.psi(h**2 + 0.5), log_gamma_slope, "nnx"),
]
