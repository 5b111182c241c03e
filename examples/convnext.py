"""A ConvNeXt, written twice: a stem of patches, stages of depthwise blocks, a head.

What differs and must not matter: channels first against channels last, so that the reference turns its images for every
layer norm and Linear while the port never does; a depthwise kernel (channels, 1, 7, 7) against (7, 7, 1, channels);
torch's epsilon for layer norms is 1e-5 or what is said, Flax's is 1e-6 or what is said; ``gelu`` is exact in torch and
approximate in JAX unless it is told. The port is an NNX module: its layers are attributes, as in torch.

    jaxport verify examples/convnext.py
"""

import numpy as np
import torch
import torch.nn.functional as F
from flax import nnx
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn

from compare.pair.pair import Pair

CHANNELS, HEIGHT, WIDTH, CLASSES = 3, 16, 24, 10
WIDTHS, DEPTHS = (8, 12), (2, 2)
EPSILON = 1e-6
SCALE = 0.1  # of a block's branch at the start


# The reference, in PyTorch.


class LayerNorm2d(nn.LayerNorm):
    """Layer norm over the channels of (batch, channels, height, width)."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    """Depthwise 7x7, then a two-layer network on each pixel, scaled per channel and added."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dwconv = nn.Conv2d(width, width, kernel_size=7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.pwconv1 = nn.Linear(width, 4 * width)
        self.pwconv2 = nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(SCALE * torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.dwconv(x).permute(0, 2, 3, 1)  # (batch, height, width, channels)
        y = self.pwconv2(F.gelu(self.pwconv1(self.norm(y))))
        return x + (self.gamma * y).permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    """Images (batch, 3, height, width) in, logits (batch, classes) out."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(CHANNELS, WIDTHS[0], kernel_size=4, stride=4), LayerNorm2d(WIDTHS[0], eps=EPSILON)
        )
        self.stage0 = nn.Sequential(*[Block(WIDTHS[0]) for _ in range(DEPTHS[0])])
        self.downsample = nn.Sequential(
            LayerNorm2d(WIDTHS[0], eps=EPSILON), nn.Conv2d(WIDTHS[0], WIDTHS[1], kernel_size=2, stride=2)
        )
        self.stage1 = nn.Sequential(*[Block(WIDTHS[1]) for _ in range(DEPTHS[1])])
        self.norm = nn.LayerNorm(WIDTHS[1], eps=EPSILON)
        self.head = nn.Linear(WIDTHS[1], CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stage0(self.stem(x))
        x = self.stage1(self.downsample(x))
        return self.head(self.norm(x.mean(dim=(-2, -1))))


# The port, in Flax NNX.


class FlaxBlock(nnx.Module):
    def __init__(self, width: int, rngs: nnx.Rngs) -> None:
        self.depthwise = nnx.Conv(width, width, (7, 7), feature_group_count=width, rngs=rngs)
        self.norm = nnx.LayerNorm(width, epsilon=EPSILON, use_fast_variance=False, rngs=rngs)
        self.expand = nnx.Linear(width, 4 * width, rngs=rngs)
        self.reduce = nnx.Linear(4 * width, width, rngs=rngs)
        self.layer_scale = nnx.Param(SCALE * jnp.ones(width))

    def __call__(self, x: Array) -> Array:
        y = self.norm(self.depthwise(x))
        y = self.reduce(nnx.gelu(self.expand(y), approximate=False))
        return x + self.layer_scale * y


class FlaxConvNeXt(nnx.Module):
    """Images (batch, height, width, 3) in, logits (batch, classes) out."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        def norm(width: int) -> nnx.LayerNorm:
            return nnx.LayerNorm(width, epsilon=EPSILON, use_fast_variance=False, rngs=rngs)

        def stage(width: int, depth: int) -> nnx.Sequential:
            return nnx.Sequential(*[FlaxBlock(width, rngs) for _ in range(depth)])

        narrow, wide = WIDTHS
        self.patches = nnx.Conv(CHANNELS, narrow, (4, 4), strides=4, padding="VALID", rngs=rngs)
        self.patches_norm = norm(narrow)
        self.stage_0 = stage(narrow, DEPTHS[0])
        self.downsample_norm = norm(narrow)
        self.downsample = nnx.Conv(narrow, wide, (2, 2), strides=2, padding="VALID", rngs=rngs)
        self.stage_1 = stage(wide, DEPTHS[1])
        self.head_norm = norm(wide)
        self.head = nnx.Linear(wide, CLASSES, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        x = self.stage_0(self.patches_norm(self.patches(x)))
        x = self.stage_1(self.downsample(self.downsample_norm(x)))
        return self.head(self.head_norm(x.mean(axis=(1, 2))))


def batch(rng: np.random.Generator) -> np.ndarray:
    """Images (batch, channels, height, width), as the reference takes them."""
    return rng.standard_normal((2, CHANNELS, HEIGHT, WIDTH), dtype=np.float32)


torch.manual_seed(0)
pair = Pair(reference=ConvNeXt(), port=FlaxConvNeXt(nnx.Rngs(0)), batch=batch, smooth=True)
