"""A transformer block, written twice, the port for a mesh: its heads and hidden columns are spread over ``model``.

What differs and must not matter: the port's kernels are annotated and its activations constrained, so that the compiler
puts collectives between devices; PyTorch knows nothing of that. On one device, without ``--mesh``, the annotations mean
nothing, and the verdict is the same.

    jaxport verify examples/sharded.py --mesh data=2,model=2
"""

import jax
import numpy as np
import optax
import torch
import torch.nn.functional as F
from flax import linen
from jax import Array
from jax.sharding import PartitionSpec as P
from torch import Tensor, nn

from compare.pair.pair import Pair

WIDTH, HEADS, HIDDEN = 16, 4, 32


# The reference, in PyTorch.


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.q, self.k, self.v, self.out = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.up, self.down = nn.Linear(WIDTH, HIDDEN), nn.Linear(HIDDEN, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm1(x)
        q, k, v = (layer(h).unflatten(-1, (HEADS, -1)).transpose(1, 2) for layer in (self.q, self.k, self.v))
        x = x + self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


# The port, in Flax.


def spread(x: Array, *axes: str | None) -> Array:
    """Spread over the axes of the mesh that is in context; as it is where none is."""
    return x if jax.sharding.get_abstract_mesh().empty else jax.lax.with_sharding_constraint(x, P(*axes))


class FlaxBlock(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        init = linen.initializers.lecun_normal()
        columns = linen.with_partitioning(init, (None, "model"))
        rows = linen.with_partitioning(init, ("model", None))
        h = linen.LayerNorm(epsilon=1e-5, name="norm1")(x)
        q, k, v = (linen.Dense(WIDTH, kernel_init=columns, name=name)(h) for name in ("q", "k", "v"))
        q, k, v = (spread(a.reshape(*a.shape[:2], HEADS, -1), "data", None, "model") for a in (q, k, v))
        h = jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(x.shape)
        x = x + linen.Dense(WIDTH, kernel_init=rows, name="out")(h)
        h = linen.LayerNorm(epsilon=1e-5, name="norm2")(x)
        h = linen.gelu(linen.Dense(HIDDEN, kernel_init=columns, name="up")(h), approximate=False)
        h = linen.Dense(WIDTH, kernel_init=rows, name="down")(spread(h, "data", None, "model"))
        return spread(x + h, "data")


def batch(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(4, 6, WIDTH)).astype(np.float32)


pair = Pair(
    reference=Block(),
    port=FlaxBlock(),
    batch=batch,
    optimizers=(lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9), optax.sgd(0.1, momentum=0.9)),
)
