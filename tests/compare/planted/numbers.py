"""Numbers handed to functions that no catalogue of layers holds: what a call's own signature says of them is enough."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from jax import Array
from jax import numpy as jnp
from torch import Tensor

from compare.pair.pair import Pair
from tests.compare.planted import nnx_port, paired
from tests.compare.planted.row import Planted
from tests.compare.zoo import seeded
from tests.compare.zoo.between import Between, Net, NetLinen, NetNNX, X


def softshrink(lambd: float) -> Between:
    return lambda h: jnp.sign(h) * jnp.maximum(jnp.abs(h) - lambd, 0.0)


def hardshrink(lambd: float) -> Between:
    return lambda h: jnp.where(jnp.abs(h) > lambd, h, 0.0)


def lerp(weight: float) -> Between:
    return lambda h: h + weight * (jnp.tanh(h) - h)


def response_norm(k: float) -> Between:
    """Over three neighbouring channels, with zeros outside."""

    def norm(h: Array) -> Array:
        squares = jnp.pad(h * h, ((0, 0), (1, 1)))
        mean = (squares[:, :-2] + squares[:, 1:-1] + squares[:, 2:]) / 3
        return h / (k + 0.3 * mean) ** 0.75

    return norm


def threshold(value: float) -> Between:
    return lambda h: jnp.where(h > 0.1, h, value)


def logit(eps: float) -> Between:
    def function(h: Array) -> Array:
        p = jnp.clip(h, eps, 1 - eps)
        return jnp.log(p / (1 - p))

    return function


def addcmul(value: float) -> Between:
    return lambda h: h + value * h * jnp.tanh(h)


def marched(tanh: Callable[..., Any], h: Any, last: float = 0.3) -> Any:
    """Three steps of Runge and Kutta's along tanh(h) - h."""

    def slope(h: Any) -> Any:
        return tanh(h) - h

    for _ in range(3):
        first = slope(h)
        second = slope(h + 0.15 * first)
        third = slope(h + 0.15 * second)
        fourth = slope(h + last * third)
        h = h + 0.05 * (first + 2 * second + 2 * third + fourth)
    return h


def reaching(last: float) -> Between:
    return lambda h: marched(jnp.tanh, h, last=last)


def roll(shifts: int) -> Between:
    return lambda h: jnp.roll(h, shifts, 1)


def local(h: Tensor) -> Tensor:
    return F.local_response_norm(h[:, :, None], 3, alpha=0.3, k=1.0)[:, :, 0]


def linen_net(reference: Callable[[Tensor], Tensor], between: Between) -> Callable[[], Pair]:
    return paired(seeded(lambda: Net(reference)), lambda: NetLinen(between), X)


def nnx_net(reference: Callable[[Tensor], Tensor], between: Between) -> Callable[[], Pair]:
    return paired(seeded(lambda: Net(reference)), nnx_port(NetNNX, between), X)


def row(
    name: str,
    net: Callable[[Callable[[Tensor], Tensor], Between], Callable[[], Pair]],
    reference: Callable[[Tensor], Tensor],
    port: Callable[..., Between],
    own: float,
    other: float,
    setting: str,
) -> Planted:
    """The reference's number is ``own``, the faulty port's ``other``."""
    value = f"{other:g}"
    return Planted(name, net(reference, port(other)), net(reference, port(own)), setting=setting, port=value)


ROWS = [
    row("softshrink's lambd 0.4 for 0.3 (Linen)", linen_net, lambda h: F.softshrink(h, 0.3), softshrink,
        0.3, 0.4, "lambd"),
    row("hardshrink's lambd 0.7 for 0.5 (NNX)", nnx_net, lambda h: F.hardshrink(h, 0.5), hardshrink, 0.5, 0.7, "lambd"),
    row("lerp's weight 0.45 for 0.3 (Linen)", linen_net, lambda h: torch.lerp(h, torch.tanh(h), 0.3), lerp,
        0.3, 0.45, "weight"),
    row("local response norm's k 2 for 1 (NNX)", nnx_net, local, response_norm, 1.0, 2.0, "k"),
    row("threshold's value 0.5 for 0.2 (Linen)", linen_net, lambda h: F.threshold(h, 0.1, 0.2), threshold,
        0.2, 0.5, "value"),
    row("logit's eps 0.2 for 0.1 (NNX)", nnx_net, lambda h: torch.logit(h, 0.1), logit, 0.1, 0.2, "eps"),
    row("addcmul's value 0.7 for 0.5 (Linen)", linen_net, lambda h: torch.addcmul(h, h, torch.tanh(h), value=0.5),
        addcmul, 0.5, 0.7, "value"),
    row("Runge and Kutta's last stage after half a step (NNX)", nnx_net, lambda h: marched(torch.tanh, h), reaching,
        0.3, 0.15, "scale"),
    row("roll's shift 2 for 1 (NNX)", nnx_net, lambda h: h.roll(1, 1), roll, 1, 2, "shifts"),
]  # fmt: skip
