"""A small ViT with dropout, written twice: patches by convolution, a class token, pre-norm blocks, a head.

What differs and must not matter: the port is an Equinox module, written for one image, and the pair says how the batch
is mapped over it, with a key for each image; PyTorch keeps q, k and v in one matrix, Equinox in three; and Equinox's
layers take one row, so that inside an image they are mapped over the tokens. Both frameworks store weights (out, in)
and images channels first. The same dropout masks are drawn on both sides, one of all images, though the port drops out
one image at a time.

    jaxport verify examples/equinox_vit.py
"""

import equinox as eqx
import jax
import numpy as np
import torch
import torch.nn.functional as F
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn

from compare import Pair

CHANNELS, IMAGE, PATCH, CLASSES = 3, 12, 4, 10
WIDTH, HEADS, LAYERS, RATE = 24, 4, 2, 0.1
TOKENS = (IMAGE // PATCH) ** 2 + 1


# The reference, in PyTorch.


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.attention = nn.MultiheadAttention(WIDTH, HEADS, dropout=RATE, batch_first=True)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.fc1 = nn.Linear(WIDTH, 4 * WIDTH)
        self.fc2 = nn.Linear(4 * WIDTH, WIDTH)
        self.dropout = nn.Dropout(RATE)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm1(x)
        x = x + self.attention(h, h, h, need_weights=False)[0]
        return x + self.dropout(self.fc2(F.gelu(self.fc1(self.norm2(x)))))


class ViT(nn.Module):
    """Images (batch, 3, 12, 12) in, logits (batch, classes) out."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(CHANNELS, WIDTH, kernel_size=PATCH, stride=PATCH)
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, WIDTH))
        self.positions = nn.Parameter(0.02 * torch.randn(1, TOKENS, WIDTH))
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        x = self.patches(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x[:, 0]))


# The port, in Equinox: of one image. torch's biases of the projections are asked for, Equinox has none unless told.


class EquinoxBlock(eqx.Module):
    norm1: eqx.nn.LayerNorm
    attention: eqx.nn.MultiheadAttention
    norm2: eqx.nn.LayerNorm
    expand: eqx.nn.Linear
    reduce: eqx.nn.Linear
    dropout: eqx.nn.Dropout

    def __init__(self, key: Array) -> None:
        first, second, third = jax.random.split(key, 3)
        self.norm1 = eqx.nn.LayerNorm(WIDTH)
        self.attention = eqx.nn.MultiheadAttention(
            HEADS, WIDTH, use_query_bias=True, use_key_bias=True, use_value_bias=True, use_output_bias=True,
            dropout_p=RATE, key=first,
        )  # fmt: skip
        self.norm2 = eqx.nn.LayerNorm(WIDTH)
        self.expand = eqx.nn.Linear(WIDTH, 4 * WIDTH, key=second)
        self.reduce = eqx.nn.Linear(4 * WIDTH, WIDTH, key=third)
        self.dropout = eqx.nn.Dropout(RATE)

    def __call__(self, x: Array, key: Array) -> Array:
        """Tokens (tokens, width) of one image."""
        first, second = jax.random.split(key)
        h = jax.vmap(self.norm1)(x)
        x = x + self.attention(h, h, h, key=first)
        h = jax.nn.gelu(jax.vmap(self.expand)(jax.vmap(self.norm2)(x)), approximate=False)
        return x + self.dropout(jax.vmap(self.reduce)(h), key=second)


class EquinoxViT(eqx.Module):
    patches: eqx.nn.Conv2d
    cls_token: Array
    positions: Array
    blocks: list[EquinoxBlock]
    norm: eqx.nn.LayerNorm
    head: eqx.nn.Linear

    def __init__(self, key: Array) -> None:
        keys = jax.random.split(key, LAYERS + 2)
        self.patches = eqx.nn.Conv2d(CHANNELS, WIDTH, kernel_size=PATCH, stride=PATCH, key=keys[0])
        self.cls_token = jnp.zeros((1, WIDTH))
        self.positions = jnp.zeros((TOKENS, WIDTH))
        self.blocks = [EquinoxBlock(one) for one in keys[2:]]
        self.norm = eqx.nn.LayerNorm(WIDTH)
        self.head = eqx.nn.Linear(WIDTH, CLASSES, key=keys[1])

    def __call__(self, image: Array, key: Array) -> Array:
        """Logits (classes,) of one image (3, 12, 12)."""
        x = self.patches(image).reshape(WIDTH, -1).T
        x = jnp.concatenate([self.cls_token, x]) + self.positions
        for block, one in zip(self.blocks, jax.random.split(key, LAYERS), strict=True):
            x = block(x, one)
        return self.head(self.norm(x[0]))


def of_batch(model: EquinoxViT, images: Array, key: Array) -> Array:
    """How the port is called: mapped over the images, each with a key of its own."""
    return jax.vmap(model)(images, jax.random.split(key, len(images)))


def batch(rng: np.random.Generator) -> np.ndarray:
    """Images (batch, channels, height, width)."""
    return rng.standard_normal((3, CHANNELS, IMAGE, IMAGE), dtype=np.float32)


torch.manual_seed(0)
pair = Pair(reference=ViT(), port=(of_batch, EquinoxViT(jax.random.key(0))), batch=batch, smooth=True)
