"""Sound ports of convolutional models: channels last, kernels (height, width, inputs, outputs), paddings spelt out.

Every batch is in the reference's order, channels first.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
import torch
import torch.nn.functional as F
from flax import linen, nnx
from jax import Array, lax
from jax import numpy as jnp
from torch import Tensor, nn

from tests.compare.zoo import normal, seeded
from tests.compare.zoo.row import Sound


class Classifier(nn.Module):
    """Convolutions, a max pool and a layer on the flattened image."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 10, 3)
        self.fc = nn.Linear(10 * 2 * 4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(torch.relu(self.conv1(x)), 2)
        return self.fc(torch.flatten(torch.tanh(self.conv2(x)), 1))


class ClassifierLinen(linen.Module):
    """Flattens (height, width, channels)."""

    @linen.compact
    def __call__(self, x: Array) -> Array:
        x = linen.max_pool(linen.relu(linen.Conv(8, (3, 3))(x)), (2, 2), strides=(2, 2))
        x = jnp.tanh(linen.Conv(10, (3, 3), padding="VALID")(x))
        return linen.Dense(5)(x.reshape(x.shape[0], -1))


class ClassifierBackLinen(linen.Module):
    """Goes back to (channels, height, width) before it flattens, so that the rows stay as they are."""

    @linen.compact
    def __call__(self, x: Array) -> Array:
        x = linen.max_pool(linen.relu(linen.Conv(8, (3, 3))(x)), (2, 2), strides=(2, 2))
        x = jnp.tanh(linen.Conv(10, (3, 3), padding="VALID")(x))
        return linen.Dense(5)(x.transpose(0, 3, 1, 2).reshape(x.shape[0], -1))


class ClassifierNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.stem = nnx.Conv(3, 8, (3, 3), rngs=rngs)
        self.body = nnx.Conv(8, 10, (3, 3), padding="VALID", rngs=rngs)
        self.head = nnx.Linear(80, 5, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        x = nnx.max_pool(nnx.relu(self.stem(x)), (2, 2), strides=(2, 2))
        x = jnp.tanh(self.body(x))
        return self.head(x.reshape(x.shape[0], -1))


class ClassifierTakesFirstNNX(ClassifierNNX):
    """Takes channels first, as the reference does, and turns the images itself."""

    def __call__(self, x: Array) -> Array:
        return super().__call__(jnp.transpose(x, (0, 2, 3, 1)))


def classifier_function() -> tuple[Callable[..., Array], Any]:
    """Channels first throughout, kernels as torch has them."""
    shapes = {"k1": (8, 3, 3, 3), "b1": (8,), "k2": (10, 8, 3, 3), "b2": (10,), "w": (80, 5), "b": (5,)}

    def conv(x: Array, kernel: Array, bias: Array, padding: str) -> Array:
        return lax.conv_general_dilated(x, kernel, (1, 1), padding) + bias[:, None, None]

    def apply(p: Any, x: Array) -> Array:
        x = jax.nn.relu(conv(x, p["k1"], p["b1"], "SAME"))
        x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
        x = jnp.tanh(conv(x, p["k2"], p["b2"], "VALID"))
        return x.reshape(x.shape[0], -1) @ p["w"] + p["b"]

    return apply, {name: jnp.ones(shape) for name, shape in shapes.items()}


class Wave(nn.Module):
    """One dimension: a stride with its padding, then a dilation."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv1d(4, 9, 5, stride=2, padding=2)
        self.wide = nn.Conv1d(9, 6, 3, dilation=3, padding=3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.wide(F.gelu(self.down(x)))


class WaveLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        x = linen.Conv(9, (5,), strides=(2,), padding=((2, 2),), name="down")(x)
        x = linen.gelu(x, approximate=False)
        return linen.Conv(6, (3,), kernel_dilation=(3,), padding=((3, 3),), use_bias=False, name="wide")(x)


class WaveNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.down = nnx.Conv(4, 9, (5,), strides=2, padding=2, rngs=rngs)
        self.wide = nnx.Conv(9, 6, (3,), kernel_dilation=3, padding=3, use_bias=False, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.wide(nnx.gelu(self.down(x), approximate=False))


class Volume(nn.Module):
    """Three dimensions, all of different lengths, averaged away at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Conv3d(2, 6, (3, 2, 3)), nn.Tanh(), nn.AdaptiveAvgPool3d(1), nn.Flatten())
        self.head = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.net(x))


class VolumeLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        x = jnp.tanh(linen.Conv(6, (3, 2, 3), padding="VALID")(x))
        return linen.Dense(4)(x.mean(axis=(1, 2, 3)))


class VolumeNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv = nnx.Conv(2, 6, (3, 2, 3), padding="VALID", rngs=rngs)
        self.dense = nnx.Linear(6, 4, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.dense(jnp.tanh(self.conv(x)).mean((1, 2, 3)))


class Separable(nn.Module):
    """Grouped, depthwise and pointwise, with strides over an even size."""

    def __init__(self) -> None:
        super().__init__()
        self.grouped = nn.Conv2d(4, 12, 3, stride=2, padding=1, groups=2)
        self.depthwise = nn.Conv2d(12, 12, (3, 5), padding=(1, 2), groups=12, bias=False)
        self.multiplied = nn.Conv2d(12, 24, 3, padding=1, groups=12)
        self.pointwise = nn.Conv2d(24, 7, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.depthwise(F.silu(self.grouped(x)))
        return self.pointwise(F.silu(self.multiplied(x))).mean((2, 3))


class SeparableLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        # "SAME" would pad (0, 1) here, torch pads (1, 1).
        x = linen.Conv(12, (3, 3), strides=2, padding=1, feature_group_count=2)(x)
        x = linen.Conv(12, (3, 5), feature_group_count=12, use_bias=False)(linen.silu(x))
        x = linen.Conv(24, (3, 3), feature_group_count=x.shape[-1])(x)
        return linen.Conv(7, (1, 1))(linen.silu(x)).mean((1, 2))


class SeparableNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.grouped = nnx.Conv(4, 12, (3, 3), strides=2, padding=1, feature_group_count=2, rngs=rngs)
        self.spatial = nnx.Conv(12, 12, (3, 5), feature_group_count=12, use_bias=False, rngs=rngs)
        self.multiplied = nnx.Conv(12, 24, (3, 3), feature_group_count=12, rngs=rngs)
        self.mix = nnx.Conv(24, 7, (1, 1), rngs=rngs)

    def __call__(self, x: Array) -> Array:
        x = self.spatial(nnx.silu(self.grouped(x)))
        return self.mix(nnx.silu(self.multiplied(x))).mean((1, 2))


class Upsampler(nn.Module):
    """Transposed convolutions that double an image; one of them has as many channels in as out."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(6, 6, 4, stride=2, padding=1)
        self.refine = nn.ConvTranspose2d(6, 3, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.refine(torch.tanh(self.up(x))))


class UpsamplerLinen(linen.Module):
    """``transpose_kernel``: the kernel (height, width, outputs, inputs) of the convolution it transposes."""

    @linen.compact
    def __call__(self, x: Array) -> Array:
        x = linen.ConvTranspose(6, (4, 4), strides=(2, 2), padding=((2, 2), (2, 2)), transpose_kernel=True)(x)
        x = linen.ConvTranspose(3, (3, 3), padding=((1, 1), (1, 1)), transpose_kernel=True, use_bias=False)(jnp.tanh(x))
        return linen.sigmoid(x)


class UpsamplerFlippedLinen(linen.Module):
    """Flax's own way: the kernel is (height, width, inputs, outputs) and upside down, left and right changed."""

    @linen.compact
    def __call__(self, x: Array) -> Array:
        x = linen.ConvTranspose(6, (4, 4), strides=(2, 2), padding=((2, 2), (2, 2)))(x)
        return linen.sigmoid(linen.ConvTranspose(3, (3, 3), padding="SAME", use_bias=False)(jnp.tanh(x)))


class UpsamplerNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        transposed = partial(nnx.ConvTranspose, transpose_kernel=True, rngs=rngs)
        self.up = transposed(6, 6, (4, 4), strides=(2, 2), padding=((2, 2), (2, 2)))
        self.refine = transposed(6, 3, (3, 3), padding=((1, 1), (1, 1)), use_bias=False)

    def __call__(self, x: Array) -> Array:
        return nnx.sigmoid(self.refine(jnp.tanh(self.up(x))))


class Pools(nn.Module):
    """Pools on the image itself, where whole numbers tie, and an average that counts its padding."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(10, 8, 3, padding=1, padding_mode="circular")
        self.average = nn.AvgPool2d(3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([F.max_pool2d(x, 2), F.max_pool2d(x, 3, stride=2, padding=1)], dim=1)
        return self.average(F.relu6(self.conv(x))).amax((2, 3))


class PoolsLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        small = linen.max_pool(x, (2, 2), strides=(2, 2))
        large = linen.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
        x = linen.Conv(8, (3, 3), padding="CIRCULAR")(jnp.concatenate([small, large], axis=-1))
        x = linen.avg_pool(linen.relu6(x), (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
        return x.max((1, 2))


class PoolsNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv = nnx.Conv(10, 8, (3, 3), padding="CIRCULAR", rngs=rngs)

    def __call__(self, x: Array) -> Array:
        small = nnx.max_pool(x, (2, 2), strides=(2, 2))
        large = nnx.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
        x = nnx.relu6(self.conv(jnp.concatenate([small, large], axis=-1)))
        return jnp.max(nnx.avg_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1))), axis=(1, 2))


class SqueezeExcite(nn.Module):
    """Channels weighed by what the whole image says; the two small layers are convolutions of size 1 in torch."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 12, 3, padding=1)
        self.squeeze = nn.Conv2d(12, 4, 1)
        self.excite = nn.Conv2d(4, 12, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.stem(x))
        gate = self.excite(F.silu(self.squeeze(F.adaptive_avg_pool2d(x, 1))))
        return x * torch.sigmoid(gate)


class SqueezeExciteLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        x = jnp.tanh(linen.Conv(12, (3, 3), name="stem")(x))
        gate = linen.silu(linen.Conv(4, (1, 1), name="se_reduce")(x.mean((1, 2), keepdims=True)))
        return x * linen.sigmoid(linen.Conv(12, (1, 1), name="se_expand")(gate))


class SqueezeExciteNNX(nnx.Module):
    """The same two as dense layers, as one writes them where the image is gone."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.stem = nnx.Conv(3, 12, (3, 3), rngs=rngs)
        self.reduce = nnx.Linear(12, 4, rngs=rngs)
        self.expand = nnx.Linear(4, 12, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        x = jnp.tanh(self.stem(x))
        gate = self.expand(nnx.silu(self.reduce(x.mean((1, 2)))))
        return x * nnx.sigmoid(gate)[:, None, None, :]


class Unet(nn.Module):
    """Down, up, and the two halves joined along the channels; all levels are handed back."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(3, 6, 3, padding=1)
        self.down = nn.Conv2d(6, 9, 2, stride=2)
        self.up = nn.ConvTranspose2d(9, 6, 2, stride=2)
        self.leave = nn.Conv2d(12, 4, 3, padding=1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        skip = F.silu(self.enter(x))
        deep = F.silu(self.down(skip))
        return {"image": self.leave(torch.cat([self.up(deep), skip], dim=1)), "deep": deep}


class UnetLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> dict[str, Array]:
        skip = linen.silu(linen.Conv(6, (3, 3), name="enter")(x))
        deep = linen.silu(linen.Conv(9, (2, 2), strides=(2, 2), padding="VALID", name="down")(skip))
        up = linen.ConvTranspose(6, (2, 2), strides=(2, 2), padding="VALID", transpose_kernel=True, name="up")(deep)
        return {"image": linen.Conv(4, (3, 3), name="leave")(jnp.concatenate([up, skip], axis=-1)), "deep": deep}


class UnetNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv_in = nnx.Conv(3, 6, (3, 3), rngs=rngs)
        self.shrink = nnx.Conv(6, 9, (2, 2), strides=2, padding="VALID", rngs=rngs)
        self.grow = nnx.ConvTranspose(9, 6, (2, 2), strides=(2, 2), padding="VALID", transpose_kernel=True, rngs=rngs)
        self.conv_out = nnx.Conv(12, 4, (3, 3), rngs=rngs)

    def __call__(self, x: Array) -> dict[str, Array]:
        skip = nnx.silu(self.conv_in(x))
        deep = nnx.silu(self.shrink(skip))
        return {"image": self.conv_out(jnp.concatenate([self.grow(deep), skip], axis=-1)), "deep": deep}


class Siamese(nn.Module):
    """Two square images through one encoder, whose kernels are as square as can be."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.Tanh(), nn.Conv2d(8, 8, 3, padding=1))

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        left, right = self.encoder(left).mean((2, 3)), self.encoder(right).mean((2, 3))
        return F.cosine_similarity(left, right, dim=-1), left - right


class SiameseLinen(linen.Module):
    def setup(self) -> None:
        self.first = linen.Conv(8, (3, 3))
        self.second = linen.Conv(8, (3, 3))

    def encode(self, x: Array) -> Array:
        return self.second(jnp.tanh(self.first(x))).mean((1, 2))

    def __call__(self, left: Array, right: Array) -> tuple[Array, Array]:
        left, right = self.encode(left), self.encode(right)
        lengths = jnp.linalg.norm(left, axis=-1) * jnp.linalg.norm(right, axis=-1)
        return (left * right).sum(-1) / lengths, left - right


class SiameseNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        first, second = (nnx.Conv(8, 8, (3, 3), rngs=rngs) for _ in range(2))
        self.encoder = nnx.Sequential(first, jnp.tanh, second)

    def __call__(self, left: Array, right: Array) -> tuple[Array, Array]:
        left, right = self.encoder(left).mean((1, 2)), self.encoder(right).mean((1, 2))
        unit_left, unit_right = (v / jnp.linalg.norm(v, axis=-1, keepdims=True) for v in (left, right))
        return jnp.vecdot(unit_left, unit_right), left - right


def whole_numbers(rng: np.random.Generator) -> np.ndarray:
    """Images of whole numbers from -2 to 2, in which windows tie."""
    return rng.integers(-2, 3, (4, 5, 8, 12)).astype(np.float32)


def two_images(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    return tuple(rng.standard_normal((4, 8, 8, 8), dtype=np.float32) for _ in range(2))


def nnx_port(module: Callable[..., nnx.Module]) -> Callable[[], nnx.Module]:
    return lambda: module(nnx.Rngs(0))


IMAGES = normal(4, 3, 8, 12)
SMOOTH = {"smooth": True}

ROWS = [
    Sound("flatten_channels_last_linen", seeded(Classifier), ClassifierLinen, IMAGES),
    Sound("flatten_channels_last_nnx", seeded(Classifier), nnx_port(ClassifierNNX), IMAGES),
    Sound("flatten_channels_first_linen", seeded(Classifier), ClassifierBackLinen, IMAGES),
    Sound("takes_channels_first_nnx", seeded(Classifier), nnx_port(ClassifierTakesFirstNNX), IMAGES),
    Sound("channels_first_function", seeded(Classifier), classifier_function, IMAGES),
    Sound("conv1d_linen", seeded(Wave), WaveLinen, normal(5, 4, 16), SMOOTH),
    Sound("conv1d_nnx", seeded(Wave), nnx_port(WaveNNX), normal(5, 4, 16), SMOOTH),
    Sound("conv3d_linen", seeded(Volume), VolumeLinen, normal(3, 2, 5, 6, 7), SMOOTH),
    Sound("conv3d_nnx", seeded(Volume), nnx_port(VolumeNNX), normal(3, 2, 5, 6, 7), SMOOTH),
    Sound("grouped_depthwise_linen", seeded(Separable), SeparableLinen, normal(5, 4, 8, 12), SMOOTH),
    Sound("grouped_depthwise_nnx", seeded(Separable), nnx_port(SeparableNNX), normal(5, 4, 8, 12), SMOOTH),
    Sound("transposed_conv_linen", seeded(Upsampler), UpsamplerLinen, normal(4, 6, 4, 5), SMOOTH),
    Sound("transposed_conv_flipped_linen", seeded(Upsampler), UpsamplerFlippedLinen, normal(4, 6, 4, 5), SMOOTH),
    Sound("transposed_conv_nnx", seeded(Upsampler), nnx_port(UpsamplerNNX), normal(4, 6, 4, 5), SMOOTH),
    Sound("pools_linen", seeded(Pools), PoolsLinen, whole_numbers),
    Sound("pools_nnx", seeded(Pools), nnx_port(PoolsNNX), whole_numbers),
    Sound("squeeze_excite_linen", seeded(SqueezeExcite), SqueezeExciteLinen, IMAGES, SMOOTH),
    Sound("squeeze_excite_nnx", seeded(SqueezeExcite), nnx_port(SqueezeExciteNNX), IMAGES, SMOOTH),
    Sound("unet_linen", seeded(Unet), UnetLinen, IMAGES, SMOOTH),
    Sound("unet_nnx", seeded(Unet), nnx_port(UnetNNX), IMAGES, SMOOTH),
    Sound("siamese_linen", seeded(Siamese), SiameseLinen, two_images, SMOOTH),
    Sound("siamese_nnx", seeded(Siamese), nnx_port(SiameseNNX), two_images, SMOOTH),
]
