"""An encoder whose port relies on Flax's defaults: two bugs, left in on purpose.

The port runs, its loss falls, and its outputs look like the reference's to three digits. docs/when-a-port-differs.md
finds both bugs, step by step.

    jaxport verify examples/differs/encoder.py
"""

import numpy as np
import torch
import torch.nn.functional as F
from flax import nnx
from jax import Array
from torch import Tensor, nn

from compare.pair.pair import Pair

WIDTH, HEADS, LAYERS, CLASSES = 24, 3, 3, 5


# The reference, in PyTorch.


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.up = nn.Linear(WIDTH, 2 * WIDTH)
        self.down = nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm1(x)
        x = x + self.attention(h, h, h, need_weights=False)[0]
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Encoder(nn.Module):
    """Features (batch, steps, width) in, logits (batch, classes) out."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x).mean(dim=1))


# The port, in Flax NNX.


class FlaxBlock(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.norm1 = nnx.LayerNorm(WIDTH, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(HEADS, WIDTH, decode=False, rngs=rngs)
        self.norm2 = nnx.LayerNorm(WIDTH, rngs=rngs)
        self.up = nnx.Linear(WIDTH, 2 * WIDTH, rngs=rngs)
        self.down = nnx.Linear(2 * WIDTH, WIDTH, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        x = x + self.attention(self.norm1(x))
        return x + self.down(nnx.gelu(self.up(self.norm2(x))))


class FlaxEncoder(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.blocks = nnx.List([FlaxBlock(rngs) for _ in range(LAYERS)])
        self.norm = nnx.LayerNorm(WIDTH, rngs=rngs)
        self.head = nnx.Linear(WIDTH, CLASSES, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x).mean(axis=1))


def batch(rng: np.random.Generator) -> np.ndarray:
    """Features (batch, steps, width)."""
    return rng.standard_normal((4, 7, WIDTH)).astype(np.float32)


torch.manual_seed(0)
pair = Pair(reference=Encoder(), port=FlaxEncoder(nnx.Rngs(0)), batch=batch, smooth=True)
