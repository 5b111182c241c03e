"""Sound ports of normalised models: every epsilon and momentum translated.

Torch adds 1e-5 below the root where Flax adds 1e-6, and its momentum is the weight of the new statistic (0.1) where
Flax's is that of the old one (0.9). Torch's running variance is the unbiased one; stock Flax keeps the batch's own.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import torch
import torch.nn.functional as F
from flax import linen, nnx
from jax import Array, lax
from jax import numpy as jnp
from torch import Tensor, nn

from tests.compare.zoo import normal, seeded
from tests.compare.zoo.row import Sound


class LayerNormed(nn.Module):
    """Layer norm before and after, the last one without scale or bias."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(12)
        self.fc1 = nn.Linear(12, 10)
        self.norm2 = nn.LayerNorm(10, bias=False)
        self.fc2 = nn.Linear(10, 7)
        self.norm3 = nn.LayerNorm(7, elementwise_affine=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.fc1(self.norm1(x)))
        return self.norm3(self.fc2(self.norm2(x)))


class LayerNormedLinen(linen.Module):
    fast: bool

    @linen.compact
    def __call__(self, x: Array) -> Array:
        norm = partial(linen.LayerNorm, epsilon=1e-5, use_fast_variance=self.fast)
        x = linen.Dense(10)(norm()(x))
        x = norm(use_bias=False)(linen.gelu(x, approximate=False))
        return norm(use_bias=False, use_scale=False)(linen.Dense(7)(x))


class LayerNormedNNX(nnx.Module):
    def __init__(self, fast: bool, rngs: nnx.Rngs) -> None:
        norm = partial(nnx.LayerNorm, epsilon=1e-5, use_fast_variance=fast, rngs=rngs)
        self.ln_in = norm(12)
        self.hidden = nnx.Linear(12, 10, rngs=rngs)
        self.ln_mid = norm(10, use_bias=False)
        self.out = nnx.Linear(10, 7, rngs=rngs)
        self.ln_out = norm(7, use_bias=False, use_scale=False)

    def __call__(self, x: Array) -> Array:
        x = nnx.gelu(self.hidden(self.ln_in(x)), approximate=False)
        return self.ln_out(self.out(self.ln_mid(x)))


class TwoAxes(nn.Module):
    """Layer norm over two axes, its scale and bias as large as both."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm((6, 9))
        self.fc = nn.Linear(9, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.norm(x))


class TwoAxesLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        x = linen.LayerNorm(epsilon=1e-5, reduction_axes=(-2, -1), feature_axes=(-2, -1), use_fast_variance=False)(x)
        return linen.Dense(4)(x)


class RmsNormed(nn.Module):
    """Root mean square norms between square layers."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.RMSNorm(12, eps=1e-6)
        self.proj = nn.Linear(12, 12, bias=False)
        self.final = nn.RMSNorm(12, eps=1e-5)

    def forward(self, x: Tensor) -> Tensor:
        return self.final(x + torch.tanh(self.proj(self.inner(x))))


class RmsNormedLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        h = linen.RMSNorm(epsilon=1e-6)(x)
        h = jnp.tanh(linen.Dense(12, use_bias=False)(h))
        return linen.RMSNorm(epsilon=1e-5)(x + h)


class RmsNormedNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.inner_norm = nnx.RMSNorm(12, epsilon=1e-6, rngs=rngs)
        self.mixer = nnx.Linear(12, 12, use_bias=False, rngs=rngs)
        self.final_norm = nnx.RMSNorm(12, epsilon=1e-5, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.final_norm(x + jnp.tanh(self.mixer(self.inner_norm(x))))


def rms_function() -> tuple[Callable[..., Array], Any]:
    """As one writes it without a library: weights (inputs, outputs), scales as plain vectors."""

    def rms(x: Array, scale: Array, epsilon: float) -> Array:
        return x * lax.rsqrt(jnp.mean(jnp.square(x), axis=-1, keepdims=True) + epsilon) * scale

    def apply(params: Any, x: Array) -> Array:
        h = rms(x, params["inner"], 1e-6) @ params["proj"]
        return rms(x + jnp.tanh(h), params["final"], 1e-5)

    return apply, {"inner": jnp.ones(12), "proj": jnp.eye(12), "final": jnp.ones(12)}


class GroupNormed(nn.Module):
    """Images normalised in groups of channels, then each channel by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 12, 3, padding=1)
        self.groups = nn.GroupNorm(3, 12)
        self.conv2 = nn.Conv2d(12, 6, 3)
        self.instances = nn.InstanceNorm2d(6, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.instances(self.conv2(F.silu(self.groups(self.conv1(x)))))


class GroupNormedLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        x = linen.GroupNorm(num_groups=3, epsilon=1e-5, use_fast_variance=False)(linen.Conv(12, (3, 3))(x))
        x = linen.Conv(6, (3, 3), padding="VALID")(linen.silu(x))
        return linen.InstanceNorm(epsilon=1e-5, use_fast_variance=False)(x)


class GroupNormedNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.stem = nnx.Conv(3, 12, (3, 3), rngs=rngs)
        self.group_norm = nnx.GroupNorm(12, num_groups=3, epsilon=1e-5, rngs=rngs)
        self.body = nnx.Conv(12, 6, (3, 3), padding="VALID", rngs=rngs)
        self.instance_norm = nnx.InstanceNorm(6, epsilon=1e-5, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.instance_norm(self.body(nnx.silu(self.group_norm(self.stem(x)))))


class BatchNormed(nn.Module):
    """Batch norm after a convolution whose bias it cancels: that bias has a gradient of zero on paper."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(8)
        self.down = nn.Conv2d(8, 10, 2, stride=2, bias=False)
        self.bn2 = nn.BatchNorm2d(10, eps=1e-3, momentum=0.01)
        self.fc = nn.Linear(10, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv(x)))
        return self.fc(F.relu(self.bn2(self.down(x))).mean((2, 3)))


class BatchNormedLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array, train: bool = True) -> Array:
        x = linen.Conv(8, (3, 3))(x)
        x = linen.relu(linen.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-5)(x))
        x = linen.Conv(10, (2, 2), strides=(2, 2), use_bias=False)(x)
        x = linen.relu(linen.BatchNorm(use_running_average=not train, momentum=0.99, epsilon=1e-3)(x))
        return linen.Dense(4)(x.mean((1, 2)))


class BatchNormedNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.conv = nnx.Conv(3, 8, (3, 3), rngs=rngs)
        self.norm = nnx.BatchNorm(8, momentum=0.9, epsilon=1e-5, rngs=rngs)
        self.shrink = nnx.Conv(8, 10, (2, 2), strides=2, use_bias=False, rngs=rngs)
        self.norm_small = nnx.BatchNorm(10, momentum=0.99, epsilon=1e-3, rngs=rngs)
        self.head = nnx.Linear(10, 4, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        x = nnx.relu(self.norm(self.conv(x)))
        return self.head(nnx.relu(self.norm_small(self.shrink(x))).mean((1, 2)))


class BatchNormedDense(nn.Module):
    """Batch norm over rows only: with six of them the two running variances are a fifth apart."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(9, 11), nn.BatchNorm1d(11), nn.Tanh(), nn.Linear(11, 5))
        self.last = nn.BatchNorm1d(5, affine=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.net(x))


class BatchNormedDenseLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array, *, train: bool) -> Array:
        norm = partial(linen.BatchNorm, use_running_average=not train, momentum=0.9, use_fast_variance=False)
        x = jnp.tanh(norm(name="bn")(linen.Dense(11, name="hidden")(x)))
        x = linen.Dense(5, name="out")(x)
        return norm(use_bias=False, use_scale=False, name="last_bn")(x)


class BatchNormedDenseNNX(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.hidden = nnx.Linear(9, 11, rngs=rngs)
        self.bn = nnx.BatchNorm(11, momentum=0.9, rngs=rngs)
        self.out = nnx.Linear(11, 5, rngs=rngs)
        self.last_bn = nnx.BatchNorm(5, momentum=0.9, use_bias=False, use_scale=False, rngs=rngs)

    def __call__(self, x: Array) -> Array:
        return self.last_bn(self.out(jnp.tanh(self.bn(self.hidden(x)))))


class UnbiasedNormLinen(linen.Module):
    """Batch norm with torch's own running variance: nothing to accept."""

    @linen.compact
    def __call__(self, x: Array, train: bool) -> Array:
        width = x.shape[-1]
        mean = self.variable("batch_stats", "mean", jnp.zeros, width)
        var = self.variable("batch_stats", "var", jnp.ones, width)
        scale = self.param("scale", linen.initializers.ones, (width,))
        bias = self.param("bias", linen.initializers.zeros, (width,))
        now = (x.mean(0), x.var(0)) if train else (mean.value, var.value)
        if train and not self.is_initializing():
            mean.value = 0.9 * mean.value + 0.1 * now[0]
            var.value = 0.9 * var.value + 0.1 * x.var(0, ddof=1)
        return (x - now[0]) / jnp.sqrt(now[1] + 1e-5) * scale + bias


class UnbiasedDenseLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array, training: bool = False) -> Array:
        h = jnp.tanh(UnbiasedNormLinen(name="norm")(linen.Dense(11)(x), training))
        return linen.Dense(5)(h)


class UnbiasedDense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(9, 11), nn.BatchNorm1d(11), nn.Tanh(), nn.Linear(11, 5))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class Standardized(nn.Module):
    """A convolution whose kernel is standardised before each use, with a gain; then a group norm of one group."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, 4, 3, 3) / 6)
        self.gain = nn.Parameter(torch.ones(6, 1, 1, 1))
        self.norm = nn.GroupNorm(1, 6)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        var, mean = torch.var_mean(self.weight, dim=(1, 2, 3), correction=0, keepdim=True)
        x = F.conv2d(x, self.gain * (self.weight - mean) * torch.rsqrt(var * self.weight[0].numel() + 1e-4), padding=1)
        return self.head(F.elu(self.norm(x)).mean((2, 3)))


class StandardizedLinen(linen.Module):
    @linen.compact
    def __call__(self, x: Array) -> Array:
        shape = (3, 3, x.shape[-1], 6)
        kernel = self.param("kernel", linen.initializers.lecun_normal(), shape)
        gain = self.param("gain", linen.initializers.ones, (6,))
        fan_in = kernel[..., 0].size
        kernel = (kernel - kernel.mean((0, 1, 2))) * lax.rsqrt(kernel.var((0, 1, 2)) * fan_in + 1e-4) * gain
        x = lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jax.nn.elu(linen.GroupNorm(num_groups=1, epsilon=1e-5, name="norm")(x))
        return linen.Dense(3, name="head")(x.mean((1, 2)))


class Spectral(nn.Module):
    """torch's two spectral norms, whose power iterations have another order."""

    def __init__(self, norm: Callable[..., nn.Module]) -> None:
        super().__init__()
        self.dense, self.head = norm(nn.Linear(6, 5)), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.dense(x)))


class SpectralLinen(linen.Module):
    """What torch.nn.utils.spectral_norm computes in training, where it adds no epsilon under the root."""

    epsilon: float = 0.0

    @linen.compact
    def __call__(self, x: Array, train: bool = False) -> Array:
        dense = linen.SpectralNorm(linen.Dense(5, name="dense"), epsilon=self.epsilon)
        return linen.Dense(3, name="head")(jnp.tanh(dense(x, update_stats=train)))


def nnx_port(module: Callable[..., nnx.Module], *arguments: Any) -> Callable[[], nnx.Module]:
    return lambda: module(*arguments, nnx.Rngs(0))


IMAGES, ROWS_OF_9 = normal(4, 3, 8, 12), normal(6, 9)
SMOOTH = {"smooth": True}
BIASED = {"accept": ("running_variance",)}

ROWS = [
    Sound("layer_norm_linen", seeded(LayerNormed), lambda: LayerNormedLinen(False), normal(5, 12), SMOOTH),
    Sound("layer_norm_fast_linen", seeded(LayerNormed), lambda: LayerNormedLinen(True), normal(5, 12), SMOOTH),
    Sound("layer_norm_nnx", seeded(LayerNormed), nnx_port(LayerNormedNNX, False), normal(5, 12), SMOOTH),
    Sound("layer_norm_fast_nnx", seeded(LayerNormed), nnx_port(LayerNormedNNX, True), normal(5, 12), SMOOTH),
    Sound("layer_norm_two_axes_linen", seeded(TwoAxes), TwoAxesLinen, normal(4, 6, 9), SMOOTH),
    Sound("rms_norm_linen", seeded(RmsNormed), RmsNormedLinen, normal(5, 12), SMOOTH),
    Sound("rms_norm_nnx", seeded(RmsNormed), nnx_port(RmsNormedNNX), normal(5, 12), SMOOTH),
    Sound("rms_norm_function", seeded(RmsNormed), rms_function, normal(5, 12), SMOOTH),
    Sound("group_norm_linen", seeded(GroupNormed), GroupNormedLinen, IMAGES, SMOOTH),
    Sound("group_norm_nnx", seeded(GroupNormed), nnx_port(GroupNormedNNX), IMAGES, SMOOTH),
    Sound("batch_norm_linen", seeded(BatchNormed), BatchNormedLinen, IMAGES, BIASED),
    Sound("batch_norm_nnx", seeded(BatchNormed), nnx_port(BatchNormedNNX), IMAGES, BIASED),
    Sound("batch_norm_dense_linen", seeded(BatchNormedDense), BatchNormedDenseLinen, ROWS_OF_9, BIASED | SMOOTH),
    Sound("batch_norm_dense_nnx", seeded(BatchNormedDense), nnx_port(BatchNormedDenseNNX), ROWS_OF_9, BIASED | SMOOTH),
    Sound("batch_norm_unbiased_linen", seeded(UnbiasedDense), UnbiasedDenseLinen, ROWS_OF_9, SMOOTH),
    Sound(
        "spectral_norm_linen", seeded(Spectral, nn.utils.spectral_norm), SpectralLinen, normal(5, 6),
        {"modes": ("train",)},
    ),
    Sound("weight_standardized_linen", seeded(Standardized), StandardizedLinen, normal(4, 4, 8, 10), SMOOTH),
]  # fmt: skip
