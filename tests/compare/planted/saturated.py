"""Faults on inputs that saturate a network, where gradients are known to little: outputs and other units show them."""

from collections.abc import Callable

import jax
import torch
from jax import numpy as jnp

from compare.pair.pair import Pair
from tests.compare.planted import nnx_port, paired
from tests.compare.planted.row import Planted
from tests.compare.zoo import seeded
from tests.compare.zoo.saturated import Couplings, CouplingsLinen, CouplingsNNX, Function, wide


def linen_port(bounded: Function) -> Callable[[], Pair]:
    return paired(seeded(Couplings, torch.tanh), lambda: CouplingsLinen(bounded), wide)


def nnx_couplings(bounded: Function) -> Callable[[], Pair]:
    return paired(seeded(Couplings, torch.tanh), nnx_port(CouplingsNNX, bounded), wide)


def slanted(v: jax.Array) -> jax.Array:
    """tanh with a derivative 1e-6 too large."""
    return jnp.tanh(v) + 1e-6 * (jnp.tanh(v) - jax.lax.stop_gradient(jnp.tanh(v)))


TANH_LINEN, TANH_NNX = linen_port(jnp.tanh), nnx_couplings(jnp.tanh)
ROWS = [
    Planted(
        "tanh 1e-6 too large (Linen)", linen_port(lambda v: (1 + 1e-6) * jnp.tanh(v)), TANH_LINEN, where="parts.0",
        setting="scale", port="1.000001",
    ),
    Planted(
        "tanh of 1e-6 more (NNX)", nnx_couplings(lambda v: jnp.tanh(v + 1e-6)), TANH_NNX, where="parts.0",
        setting="constant", port="1e-06",
    ),
    Planted(
        "tanh negated (Linen)", linen_port(lambda v: -jnp.tanh(v)), TANH_LINEN, where="parts.0",
        setting="scale", port="a divisor",
    ),
    Planted(
        "tanh of twice (NNX)", nnx_couplings(lambda v: jnp.tanh(2 * v)), TANH_NNX, where="parts.0", setting="scale",
        port="2",
    ),
    Planted(
        "slope of tanh 1e-6 too steep (Linen)", linen_port(slanted), TANH_LINEN, where="parts.2", direction="backward",
        setting="gradient", port="times 1.000001",
    ),
]  # fmt: skip
