"""A vision transformer, written twice: patches by a convolution, a class token, encoder blocks, a head.

What differs and must not matter: PyTorch takes images (batch, channels, height, width), the port (batch, height, width,
channels), each as its framework's convolutions like them; the encoder of the reference is PyTorch's own layer, that of
the port is written out. The class token and the position embedding are bare parameters on both sides.

    jaxport verify examples/vit.py
"""

import numpy as np
import torch
from flax import linen
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn

from compare.pair.pair import Pair

HEIGHT, WIDE, CHANNELS, PATCH = 16, 24, 3, 8
PATCHES = (HEIGHT // PATCH) * (WIDE // PATCH)
WIDTH, HEADS, MLP, LAYERS, CLASSES = 32, 4, 48, 2, 10


# The reference, in PyTorch.


class ViT(nn.Module):
    """Images (batch, 3, 16, 24) in, logits (batch, classes) out."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_proj = nn.Conv2d(CHANNELS, WIDTH, kernel_size=PATCH, stride=PATCH)
        self.class_token = nn.Parameter(0.02 * torch.randn(1, 1, WIDTH))
        self.pos_embedding = nn.Parameter(0.02 * torch.randn(1, PATCHES + 1, WIDTH))
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, MLP, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, LAYERS, norm=nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.head = nn.Linear(WIDTH, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        x = self.conv_proj(images).flatten(2).transpose(1, 2)  # (batch, patches, width)
        x = torch.cat([self.class_token.expand(x.shape[0], -1, -1), x], dim=1)
        x = self.encoder(x + self.pos_embedding)
        return self.head(x[:, 0])


# The port, in Flax Linen.


class EncoderBlock(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        h = linen.LayerNorm(epsilon=1e-5, name="norm_1")(x)
        x = x + linen.MultiHeadDotProductAttention(HEADS, name="attention")(h)
        h = linen.LayerNorm(epsilon=1e-5, name="norm_2")(x)
        h = linen.gelu(linen.Dense(MLP, name="mlp_in")(h), approximate=False)
        return x + linen.Dense(WIDTH, name="mlp_out")(h)


class FlaxViT(linen.Module):
    """Images (batch, 16, 24, 3) in, logits (batch, classes) out."""

    @linen.compact
    def __call__(self, images: Array) -> Array:
        x = linen.Conv(WIDTH, (PATCH, PATCH), strides=PATCH, padding="VALID", name="patches")(images)
        x = x.reshape(x.shape[0], -1, WIDTH)
        token = self.param("class_token", linen.initializers.zeros, (1, 1, WIDTH))
        x = jnp.concatenate([jnp.tile(token, (x.shape[0], 1, 1)), x], axis=1)
        x = x + self.param("pos_embedding", linen.initializers.normal(0.02), (1, x.shape[1], WIDTH))
        for layer in range(LAYERS):
            x = EncoderBlock(name=f"layer_{layer}")(x)
        x = linen.LayerNorm(epsilon=1e-5, name="norm")(x)
        return linen.Dense(CLASSES, name="head")(x[:, 0])


def batch(rng: np.random.Generator) -> np.ndarray:
    """Images (batch, channels, height, width), as the reference takes them."""
    return rng.standard_normal((2, CHANNELS, HEIGHT, WIDE)).astype(np.float32)


torch.manual_seed(0)
pair = Pair(reference=ViT(), port=FlaxViT(), batch=batch, smooth=True)
