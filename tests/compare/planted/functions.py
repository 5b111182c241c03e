"""Faults in functions of the hidden units, by mechanism: a flag, another axis, a neighbouring integer, the order of two
operations, two operands exchanged, another count, an epsilon.

One reference serves several faults, so that its sound port is judged once.
"""

from collections.abc import Callable, Sequence

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
from tests.compare.zoo.between import WIDE, Between, Net, NetLinen, NetNNX, X

Fault = tuple[str, Between, str, str]  # name, what the port has, setting, the port's value


def faults(style: str, own: Callable[[Tensor], Tensor], right: Between, *wrong: Fault) -> Sequence[Planted]:
    """The faults of one function in one style of port."""

    def pair(between: Between) -> Callable[[], Pair]:
        port = (lambda: NetLinen(between)) if style == "Linen" else nnx_port(NetNNX, between)
        return paired(seeded(lambda: Net(own)), port, X)

    sound = pair(right)
    return [
        Planted(f"{name} ({style})", pair(between), sound, setting=setting, port=port)
        for name, between, setting, port in wrong
    ]


def layer_norm(h: Array) -> Array:
    return (h - h.mean(-1, keepdims=True)) / jnp.sqrt(h.var(-1, keepdims=True) + 1e-5)


def normal_over(h: Array, axis: int) -> Array:
    return (h - h.mean(axis, keepdims=True)) / jnp.sqrt(h.var(axis, keepdims=True) + 1e-3)


def summed(h: Array) -> Array:
    return jnp.cumsum(h, 1)


def split(h: Array) -> Array:
    return jnp.where(h > 0.2, h, 0.1 * jnp.tanh(h))


def normed(h: Array, power: int = 2, axis: int = -1) -> Array:
    return h / ((jnp.abs(h) ** power).sum(axis, keepdims=True)) ** (1 / power)


def quantile(h: Array, method: str = "linear") -> Array:
    return h - jnp.quantile(h, 0.3, axis=-1, keepdims=True, method=method)


def windowed(h: Array, length: int = WIDE) -> Array:
    return h * (0.5 - 0.5 * jnp.cos(2 * jnp.pi * jnp.arange(WIDE, dtype=h.dtype) / length))


def first(h: Array, count: int) -> Array:
    return jnp.where(jnp.arange(WIDE) < count, h, 0.0)


def apart(h: Array, epsilon: float = 1e-3) -> Array:
    return h * jnp.sqrt(((h - jnp.tanh(h) + epsilon) ** 2).sum(-1, keepdims=True))


def largest(h: Array, count: int = 3) -> Array:
    return h - jax.lax.top_k(h, count)[0].mean(-1, keepdims=True)


def quarters(h: Array, cut: Between = jnp.round, ddof: int = 1) -> Array:
    return cut(4 * h) / 4 + h * h.var(-1, keepdims=True, ddof=ddof)


def mixed(h: Array, first: float = 0.3, second: float = 0.7, gate: Between = jax.nn.sigmoid) -> Array:
    return first * jnp.tanh(h) + second * h * gate(h)


ROWS = [
    *faults(
        "NNX", lambda h: 0.3 * torch.tanh(h) + 0.7 * h * torch.sigmoid(h), mixed,
        ("two factors exchanged", lambda h: mixed(h, 0.7, 0.3), "constant", "exchanged"),
        ("a gate for its complement", lambda h: mixed(h, gate=lambda x: 1 - jax.nn.sigmoid(x)), "gate", ""),
        ("a gate that is added", lambda h: 0.3 * jnp.tanh(h) + (0.7 * h + jax.nn.sigmoid(h)), "operator", "adds"),
    ),
    *faults(
        "Linen", lambda h: (h - h.mean(-1, keepdim=True)) / (h.var(-1, keepdim=True, unbiased=False) + 1e-3).sqrt(),
        lambda h: normal_over(h, -1),
        ("a mean and a variance over the rows", lambda h: normal_over(h, 0), "axis", "0"),
    ),
    *faults(
        "NNX", lambda h: h.cumsum(1), summed,
        ("a running sum without its own entry", lambda h: summed(h) - h, "running sum", "without itself"),
        ("a running sum from the end", lambda h: summed(h[:, ::-1])[:, ::-1], "running sum", "from the end"),
        ("a running sum over the rows", lambda h: jnp.cumsum(h, 0), "axis", "0"),
    ),
    *faults(
        "Linen", lambda h: torch.where(h > 0.2, h, 0.1 * torch.tanh(h)), split,
        ("both sides of a condition exchanged", lambda h: jnp.where(h > 0.2, 0.1 * jnp.tanh(h), h), "condition", ""),
        ("a condition the other way round", lambda h: jnp.where(h < 0.2, h, 0.1 * jnp.tanh(h)), "condition", ""),
    ),
    *faults(
        "NNX", lambda h: F.relu(F.layer_norm(h, (WIDE,))), lambda h: jax.nn.relu(layer_norm(h)),
        ("the activation before the norm", lambda h: layer_norm(jax.nn.relu(h)), "order", ""),
        ("no activation behind the norm", layer_norm, "activation", "none"),
    ),
    *faults(
        "Linen", lambda h: torch.tanh(h * 0.5 + 0.3), lambda h: jnp.tanh(h * 0.5 + 0.3),
        ("added before it is scaled", lambda h: jnp.tanh((h + 0.3) * 0.5), "order", ""),
    ),
    *faults(
        "NNX", lambda h: torch.atan2(h, 1 + h * h), lambda h: jnp.arctan2(h, 1 + h * h),
        ("operands of an angle exchanged", lambda h: jnp.arctan2(1 + h * h, h), "operands", ""),
    ),
    *faults(
        "Linen", lambda h: F.normalize(h, dim=-1), normed,
        ("normalised by the sum of magnitudes", lambda h: normed(h, 1), "norm", "1"),
        ("normalised over the rows", lambda h: normed(h, 2, 0), "axis", "0"),
    ),
    *faults(
        "NNX", lambda h: h - torch.quantile(h, 0.3, dim=-1, keepdim=True), quantile,
        ("the lower of two values for a quantile", lambda h: quantile(h, "lower"), "interpolation", "lower"),
    ),
    *faults(
        "Linen", lambda h: h * torch.hann_window(WIDE, dtype=h.dtype), windowed,
        ("a symmetric window for a periodic one", lambda h: windowed(h, WIDE - 1), "periodic", "False"),
    ),
    *faults(
        "NNX", lambda h: torch.where(torch.arange(WIDE) < 4, h, 0.0), lambda h: first(h, 4),
        ("one entry more by a comparison", lambda h: first(h, 5), "comparison", "le"),
    ),
    *faults(
        "Linen", lambda h: h * F.pairwise_distance(h, torch.tanh(h), eps=1e-3)[:, None], apart,
        ("the epsilon of a distance left out", lambda h: apart(h, 0.0), "eps", "0"),
    ),
    *faults(
        "NNX", lambda h: h - h.topk(3, -1).values.mean(-1, keepdim=True), largest,
        ("one more of the largest", lambda h: largest(h, 4), "k", "4"),
    ),
    *faults(
        "Linen", lambda h: h * torch.softmax(h / 0.7, -1), lambda h: h * jax.nn.softmax(h / 0.7),
        ("softmax without its temperature", lambda h: h * jax.nn.softmax(h), "scale", "1"),
        ("softmax over the rows", lambda h: h * jax.nn.softmax(h / 0.7, 0), "axis", "0"),
        ("log-softmax for softmax", lambda h: h * jax.nn.log_softmax(h / 0.7), "activation", "log_softmax"),
    ),
    *faults(
        "NNX", lambda h: h.flip(-1) - h.clamp(-0.5, 1.0), lambda h: h[:, ::-1] - jnp.clip(h, -0.5, 1.0),
        ("flipped along the rows", lambda h: h[::-1] - jnp.clip(h, -0.5, 1.0), "axis", "0"),
        ("clamped at 1.5 for 1", lambda h: h[:, ::-1] - jnp.clip(h, -0.5, 1.5), "max", "1.5"),
    ),
    *faults(
        "Linen", lambda h: torch.round(4 * h) / 4 + h * h.var(-1, keepdim=True),
        quarters,
        ("cut off for rounded", lambda h: quarters(h, jnp.trunc), "function", "trunc"),
        ("a biased variance by hand", lambda h: quarters(h, ddof=0), "unbiased", ""),
    ),
]  # fmt: skip
