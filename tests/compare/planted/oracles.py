"""Faults that only a float64 run with the user's own integers, or one that is raised to float64, can see and place."""

from jax import Array

from tests.compare.planted import nnx_port, paired
from tests.compare.planted.row import Planted
from tests.compare.zoo import seeded
from tests.compare.zoo.oracles import (
    CastBefore,
    Causal,
    CausalLinen,
    CausalNNX,
    LowestMask,
    LowestMaskLinen,
    PlainLinen,
    PlainNNX,
    decoded,
    in_heads,
    tokens,
)

CACHE_LINEN = paired(seeded(Causal), CausalLinen, tokens)
CACHE_NNX = paired(seeded(Causal), nnx_port(CausalNNX), tokens)
CAST_LINEN = paired(seeded(CastBefore), PlainLinen, tokens)
CAST_NNX = paired(seeded(CastBefore), nnx_port(PlainNNX), tokens)
MASK_LINEN = paired(seeded(LowestMask), LowestMaskLinen, tokens)


class LateNNX(CausalNNX):
    def __call__(self, x: Array) -> Array:
        return self.o(decoded(*(in_heads(layer(x)) for layer in (self.q, self.k, self.v)), late=1))


ROWS = [
    Planted(
        "cache written one position off (Linen)",
        paired(seeded(Causal), lambda: CausalLinen(late=1), tokens),
        CACHE_LINEN,
        where="",
    ),
    Planted(
        "cache written one position off (NNX)", paired(seeded(Causal), nnx_port(LateNNX), tokens), CACHE_NNX, where=""
    ),
    Planted(
        "epsilon behind a cast (Linen)",
        paired(seeded(CastBefore), lambda: PlainLinen(1e-6), tokens),
        CAST_LINEN,
        where="norm",
        setting="epsilon",
    ),
    Planted(
        "epsilon behind a cast (NNX)",
        paired(seeded(CastBefore), nnx_port(PlainNNX, norm__epsilon=1e-6), tokens),
        CAST_NNX,
        where="norm",
        setting="epsilon",
    ),
    Planted(
        "mask along the other axis (Linen)",
        paired(seeded(LowestMask), lambda: LowestMaskLinen(axis=1), tokens),
        MASK_LINEN,
        where="",
    ),
]
