"""Roundings below the working precision that one side alone makes: promotion may erase none of them."""

from collections.abc import Callable
from typing import Any

import torch
from flax import linen, nnx
from jax import Array
from jax import numpy as jnp

from compare.pair.pair import Pair
from tests.compare.planted import nnx_port, paired
from tests.compare.planted.row import Planted
from tests.compare.zoo import seeded
from tests.compare.zoo.lowered import (
    LOW,
    LOW_16,
    TOKENS,
    Back,
    Block,
    BlockLinen,
    Lowered,
    LoweredLinen,
    LoweredNNX,
    NotBackLinen,
    Params,
    Product,
    X,
    by_algorithm,
    by_bits,
    preferred,
    product_port,
)

LINEN = paired(seeded(Lowered, ""), lambda: LoweredLinen(""), X)
NNX = paired(seeded(Lowered, ""), nnx_port(LoweredNNX, ""), X)
FIRST_LINEN = paired(seeded(Lowered, "a"), lambda: LoweredLinen("a"), X)
FIRST_NNX = paired(seeded(Lowered, "a"), nnx_port(LoweredNNX, "a"), X)
BLOCK = paired(seeded(Block, False), lambda: BlockLinen(None), TOKENS)
NOT_BACK = paired(seeded(Back), NotBackLinen, X)


class ForgottenLinen(linen.Module):
    """A cast to bfloat16 left behind an activation."""

    @linen.compact
    def __call__(self, x: Array) -> Array:
        for name, width in zip("abc", (12, 10, 3), strict=True):
            x = jnp.tanh(linen.Dense(width, name=name)(x))
            if name == "b":
                x = x.astype(LOW).astype(jnp.float32)
        return x


class ForgottenNNX(LoweredNNX):
    def __init__(self, rngs: nnx.Rngs) -> None:
        super().__init__("", rngs)

    def __call__(self, x: Array) -> Array:
        x = jnp.tanh(self.b(jnp.tanh(self.a(x.astype(LOW).astype(x.dtype)))))
        return jnp.tanh(self.c(x))


class AgainLinen(linen.Module):
    """Where both sides are low, one rounds what it makes of that once more."""

    @linen.compact
    def __call__(self, x: Array) -> Array:
        y = linen.Dense(12, name="a", dtype=LOW)(x).astype(x.dtype)
        return linen.Dense(3, name="c")(jnp.tanh(y).astype(LOW).astype(x.dtype))


def alone(name: str, pair: Callable[[], Pair], sound: Callable[[], Pair], where: str) -> Planted:
    return Planted(name, pair, sound, where=where, setting="precision")


def product(function: Any, rounds: str = "") -> Callable[[], Pair]:
    return paired(seeded(Product, rounds), product_port(function), X)


def plain(p: Params, x: Array) -> Array:
    return x @ p["w"]


ROWS = [
    alone("bfloat16 layer (Linen)", paired(seeded(Lowered, ""), lambda: LoweredLinen("b"), X), LINEN, "b"),
    alone("bfloat16 layer (NNX)", paired(seeded(Lowered, ""), nnx_port(LoweredNNX, "b"), X), NNX, "b"),
    alone("float16 layer (Linen)", paired(seeded(Lowered, ""), lambda: LoweredLinen("c", LOW_16), X), LINEN, "c"),
    alone("forgotten cast to bfloat16 (Linen)", paired(seeded(Lowered, ""), ForgottenLinen, X), LINEN, ""),
    alone("forgotten cast to bfloat16 (NNX)", paired(seeded(Lowered, ""), nnx_port(ForgottenNNX), X), NNX, ""),
    alone(
        "autocast in the reference alone (NNX)", paired(seeded(Lowered, "abc"), nnx_port(LoweredNNX, ""), X), NNX, "a"
    ),
    alone(
        "attention in the reference alone (Linen)", paired(seeded(Block), lambda: BlockLinen(None), TOKENS), BLOCK, "q"
    ),
    alone("attention in the port alone (Linen)", paired(seeded(Block, False), BlockLinen, TOKENS), BLOCK, "norm"),
    alone(
        "one layer more in the port (Linen)",
        paired(seeded(Lowered, "a"), lambda: LoweredLinen("ab"), X),
        FIRST_LINEN,
        "b",
    ),
    alone(
        "one layer more in the reference (NNX)",
        paired(seeded(Lowered, "ac"), nnx_port(LoweredNNX, "a"), X),
        FIRST_NNX,
        "c",
    ),
    alone(
        "another format (NNX)",
        paired(seeded(Lowered, "a", torch.float16), nnx_port(LoweredNNX, "a"), X),
        FIRST_NNX,
        "a",
    ),
    alone("rounded again (Linen)", paired(seeded(Back), AgainLinen, X), NOT_BACK, ""),
    alone("preferred type (Linen)", product(preferred), product(plain), ""),
    alone("algorithm of a product (NNX)", product(by_algorithm), product(plain), ""),
    alone("rounded by its bits (NNX)", product(by_bits), product(plain), ""),
]
