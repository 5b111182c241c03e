"""Faults planted in convolutional models: padding, stride, dilation, groups, pools, and the order of axes.

No faults, measured: a kernel turned round, in the port's own code or by a transposed convolution, and images flattened
in another order before a dense layer (the weight map turns the kernel back, and orders the layer's rows).
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import torch
import torch.nn.functional as F
from flax import linen, nnx
from jax import Array
from jax import numpy as jnp
from torch import Tensor, nn

from compare.pair.pair import Pair
from tests.compare.planted import nnx_port, paired
from tests.compare.planted.row import Planted
from tests.compare.zoo import conv, normal, seeded


class Net(nn.Module):
    """Every layer of an image classifier once; the image halves twice."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 6, 3, stride=2, padding=1)
        self.norm = nn.GroupNorm(3, 6)
        self.wide = nn.Conv2d(6, 6, 3, padding=2, dilation=2, groups=2)
        self.pool = nn.AvgPool2d(3, stride=2, padding=1)
        self.head = nn.Linear(6 * 2 * 3, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.silu(self.norm(self.stem(x)))
        x = self.pool(F.leaky_relu(self.wide(x), 0.1))
        return self.head(torch.flatten(x, 1))


window = {"window_shape": (3, 3), "strides": (2, 2), "padding": ((1, 1), (1, 1))}


class NetLinen(linen.Module):
    stem_padding: Any = 1
    epsilon: float = 1e-5
    groups: int = 3
    dilation: int = 2
    slope: float = 0.1
    pool: Callable[..., Array] = linen.avg_pool

    @linen.compact
    def __call__(self, x: Array) -> Array:
        x = linen.Conv(6, (3, 3), strides=2, padding=self.stem_padding, name="stem")(x)
        x = linen.silu(linen.GroupNorm(self.groups, epsilon=self.epsilon, name="norm")(x))
        x = linen.Conv(6, (3, 3), kernel_dilation=self.dilation, feature_group_count=2, name="wide")(x)
        x = self.pool(linen.leaky_relu(x, self.slope), **window)
        return linen.Dense(4, name="head")(x.reshape(x.shape[0], -1))


X = normal(2, 2, 8, 12)
NET = paired(seeded(Net), NetLinen, X)


def net(**fault: Any) -> Callable[[], Pair]:
    return paired(seeded(Net), lambda: NetLinen(**fault), X)


class Features(nn.Module):
    """Hands the flattened image back, so that no layer after it can take up another order."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3)
        self.second = nn.Conv2d(4, 5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return torch.flatten(self.second(torch.tanh(self.first(x))), 1)


class FeaturesLinen(linen.Module):
    back: bool = True

    @linen.compact
    def __call__(self, x: Array) -> Array:
        x = jnp.tanh(linen.Conv(4, (3, 3), padding="VALID", name="first")(x))
        x = linen.Conv(5, (3, 3), padding="VALID", name="second")(x)
        return (x.transpose(0, 3, 1, 2) if self.back else x).reshape(x.shape[0], -1)


class Doubling(nn.Module):
    """Doubles an image by a kernel of 3, as segmentation heads do."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(2, 5, 1)
        self.up = nn.ConvTranspose2d(5, 4, 3, stride=2, padding=1, output_padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.up(torch.tanh(self.enter(x)))


class DoublingLinen(linen.Module):
    padding: Any = ((1, 2), (1, 2))

    @linen.compact
    def __call__(self, x: Array) -> Array:
        up = linen.ConvTranspose(4, (3, 3), (2, 2), self.padding, transpose_kernel=True, name="up")
        return up(jnp.tanh(linen.Conv(5, (1, 1), name="enter")(x)))


class Excited(conv.SqueezeExcite):
    """Images as high as they have channels."""


class ExcitedNNX(conv.SqueezeExciteNNX):
    axes = (1, 2)

    def __call__(self, x: Array) -> Array:
        x = jnp.tanh(self.stem(x))
        gate = self.expand(nnx.silu(self.reduce(x.mean(self.axes))))
        return x * nnx.sigmoid(gate)[:, None, None, :]


class ChannelsFirstMeanNNX(ExcitedNNX):
    axes = (2, 3)


class TanhGeluNNX(conv.WaveNNX):
    def __call__(self, x: Array) -> Array:
        return self.wide(nnx.gelu(self.down(x)))


class Smaller(nn.Module):
    """Shrinks an image between two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(2, 4, 3, padding=1)
        self.leave = nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(F.interpolate(self.enter(x), size=(5, 8), mode="bilinear"))


class SmallerNNX(nnx.Module):
    antialias = False

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.enter = nnx.Conv(2, 4, (3, 3), rngs=rngs)
        self.leave = nnx.Conv(4, 3, (3, 3), rngs=rngs)

    def __call__(self, x: Array) -> Array:
        x = self.enter(x)
        return self.leave(jax.image.resize(x, (x.shape[0], 5, 8, 4), "bilinear", antialias=self.antialias))


class AntialiasedNNX(SmallerNNX):
    antialias = True


class PoolsLinen(linen.Module):
    act: Callable[[Array], Array] = linen.relu6

    @linen.compact
    def __call__(self, x: Array) -> Array:
        small = linen.max_pool(x, (2, 2), strides=(2, 2))
        large = linen.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
        x = linen.Conv(8, (3, 3), padding="CIRCULAR", name="conv")(jnp.concatenate([small, large], axis=-1))
        return linen.avg_pool(self.act(x), **window).max((1, 2))


class Pooled(nn.Module):
    """A max pool before the global mean, which hides the pool's stride from every shape."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 5, 3)
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool(torch.tanh(self.stem(x))).mean((2, 3)))


class PooledLinen(linen.Module):
    strides: tuple[int, int] | None = (2, 2)

    @linen.compact
    def __call__(self, x: Array) -> Array:
        x = jnp.tanh(linen.Conv(5, (3, 3), padding="VALID", name="stem")(x))
        return linen.Dense(3, name="head")(linen.max_pool(x, (2, 2), strides=self.strides).mean((1, 2)))


IMAGES, LARGER, SIGNALS = normal(2, 3, 8, 12), normal(2, 2, 9, 12), normal(2, 4, 16)
WAVE = paired(seeded(conv.Wave), nnx_port(conv.WaveNNX), SIGNALS)
POOLS = paired(seeded(conv.Pools), nnx_port(conv.PoolsNNX), conv.whole_numbers)
POOLS_LINEN = paired(seeded(conv.Pools), PoolsLinen, conv.whole_numbers)
EXCITED = paired(seeded(Excited), nnx_port(ExcitedNNX), normal(2, 3, 12, 6))
FEATURES = paired(seeded(Features), FeaturesLinen, normal(2, 2, 6, 8))
DOUBLING = paired(seeded(Doubling), DoublingLinen, normal(2, 2, 4, 5))
SMALLER = paired(seeded(Smaller), nnx_port(SmallerNNX), LARGER)
POOLED = paired(seeded(Pooled), PooledLinen, normal(2, 2, 8, 10))

ROWS = [
    Planted("SAME for padding 1 at stride 2 (Linen)", net(stem_padding="SAME"), NET, where="stem", setting="padding"),
    Planted("GroupNorm epsilon 1e-6 for 1e-5 (Linen)", net(epsilon=1e-6), NET, where="norm", setting="epsilon"),
    Planted("GroupNorm of 2 groups for 3 (Linen)", net(groups=2), NET, where="norm", setting="groups"),
    Planted("dilation forgotten (Linen)", net(dilation=1), NET, where="wide", setting="dilation"),
    Planted("leaky ReLU slope 0.01 for 0.1 (Linen)", net(slope=0.01), NET, where="", setting="negative_slope"),
    Planted(
        "average pool without its padding (Linen)",
        net(pool=partial(linen.avg_pool, count_include_pad=False)),
        NET,
        where="pool",
        setting="count_include_pad",
    ),
    Planted("max pool for average pool (Linen)", net(pool=linen.max_pool), NET, where="pool", setting="pooling"),
    Planted(
        "max pool's stride left at 1 (Linen)",
        paired(seeded(Pooled), lambda: PooledLinen(None), normal(2, 2, 8, 10)),
        POOLED,
        where="pool",
        setting="stride",
    ),
    Planted(
        "flattened channels last (Linen)",
        paired(seeded(Features), lambda: FeaturesLinen(back=False), normal(2, 2, 6, 8)),
        FEATURES,
        where="",
        setting="flatten order",
    ),
    Planted(
        "transposed convolution SAME for padding 1 and output padding 1 (Linen)",
        paired(seeded(Doubling), lambda: DoublingLinen("SAME"), normal(2, 2, 4, 5)),
        DOUBLING,
        where="up",
        setting="padding",
    ),
    Planted(
        "ReLU for ReLU6, on large inputs alone (Linen)",
        paired(seeded(conv.Pools), lambda: PoolsLinen(linen.relu), conv.whole_numbers),
        POOLS_LINEN,
        where="",
        probe="offset",
        setting="activation",
    ),
    Planted(
        "SAME for padding 2 at stride 2, one dimension (NNX)",
        paired(seeded(conv.Wave), nnx_port(conv.WaveNNX, down__padding="SAME"), SIGNALS),
        WAVE,
        where="down",
        setting="padding",
    ),
    Planted(
        "dilation forgotten (NNX)",
        paired(seeded(conv.Wave), nnx_port(conv.WaveNNX, wide__kernel_dilation=1, wide__padding="SAME"), SIGNALS),
        WAVE,
        where="wide",
        setting="dilation",
    ),
    Planted(
        "GELU by tanh in the root's own code (NNX)",
        paired(seeded(conv.Wave), nnx_port(TanhGeluNNX), SIGNALS),
        WAVE,
        where="",
        setting="approximate",
    ),
    Planted(
        "zeros for circular padding (NNX)",
        paired(seeded(conv.Pools), nnx_port(conv.PoolsNNX, conv__padding="SAME"), conv.whole_numbers),
        POOLS,
        where="conv",
        setting="padding_mode",
    ),
    Planted(
        "mean over the axes of channels first (NNX)",
        paired(seeded(Excited), nnx_port(ChannelsFirstMeanNNX), normal(2, 3, 12, 6)),
        EXCITED,
        where="",
        setting="axis",
    ),
    Planted(
        "bilinear resize with antialias (NNX)",
        paired(seeded(Smaller), nnx_port(AntialiasedNNX), LARGER),
        SMALLER,
        where="",
        setting="antialias",
    ),
]
