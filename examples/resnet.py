"""A small residual network with batch norm, written twice: images in, logits out.

What differs and must not matter: channels first against channels last; ``train()`` and ``eval()`` against an argument;
torch's batch norm keeps its running statistics in buffers and weighs the new batch with 0.1, Flax's keeps them in a
collection of their own and weighs the old ones with 0.9. Torch pads a stride of 2 by (1, 1); "SAME" would pad (0, 1).

What differs and is accepted by name: torch's running variance is the unbiased one (divided by N - 1), Flax keeps the
batch's own (by N).

    jaxport verify examples/resnet.py
"""

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from flax import linen
from jax import Array
from torch import Tensor, nn

from compare.pair.pair import Pair

CHANNELS, SIDE, CLASSES = 3, 16, 10
WIDTHS, BLOCKS = (8, 12, 16), 2


# The reference, in PyTorch.


class BasicBlock(nn.Module):
    """Two convolutions beside a shortcut, which is a convolution of size 1 where the shape changes."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != width:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.downsample(x))


class ResNet(nn.Module):
    """Images (batch, 3, height, width) in, logits (batch, classes) out."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(CHANNELS, WIDTHS[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        blocks: list[nn.Module] = []
        inputs = WIDTHS[0]
        for stage, width in enumerate(WIDTHS):
            for block in range(BLOCKS):
                blocks.append(BasicBlock(inputs, width, stride=2 if stage and not block else 1))
                inputs = width
        self.layers = nn.Sequential(*blocks)
        self.fc = nn.Linear(inputs, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), kernel_size=3, stride=2, padding=1)
        x = F.adaptive_avg_pool2d(self.layers(x), 1)
        return self.fc(torch.flatten(x, 1))


# The port, in Flax Linen.


class ResNetBlock(linen.Module):
    width: int
    stride: int

    @linen.compact
    def __call__(self, x: Array, train: bool) -> Array:
        conv = partial(linen.Conv, self.width, use_bias=False)
        norm = partial(linen.BatchNorm, use_running_average=not train, momentum=0.9, epsilon=1e-5)
        y = conv((3, 3), strides=self.stride, padding=1)(x)
        y = linen.relu(norm()(y))
        y = conv((3, 3), padding=1)(y)
        y = norm()(y)
        if y.shape != x.shape:
            x = conv((1, 1), strides=self.stride, padding=0, name="conv_proj")(x)
            x = norm(name="norm_proj")(x)
        return linen.relu(y + x)


class FlaxResNet(linen.Module):
    """Images (batch, height, width, 3) in, logits (batch, classes) out."""

    @linen.compact
    def __call__(self, x: Array, train: bool = True) -> Array:
        x = linen.Conv(WIDTHS[0], (3, 3), padding=1, use_bias=False, name="conv_init")(x)
        x = linen.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-5, name="bn_init")(x)
        x = linen.max_pool(linen.relu(x), (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
        for stage, width in enumerate(WIDTHS):
            for block in range(BLOCKS):
                x = ResNetBlock(width, stride=2 if stage and not block else 1)(x, train)
        return linen.Dense(CLASSES)(x.mean(axis=(1, 2)))


def batch(rng: np.random.Generator) -> np.ndarray:
    """Images (batch, channels, height, width), as the reference takes them."""
    return rng.standard_normal((4, CHANNELS, SIDE, SIDE), dtype=np.float32)


torch.manual_seed(0)
pair = Pair(reference=ResNet(), port=FlaxResNet(), batch=batch, accept=("running_variance",))
