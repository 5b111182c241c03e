"""Faults in images: how a group's channels lie, what an enlarged image is made of, what a window at the edge counts."""

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

from tests.compare.planted import paired
from tests.compare.planted.row import Planted
from tests.compare.zoo import normal, seeded

IMAGES = normal(2, 3, 5, 6)


class Image(nn.Module):
    """A function of an image's channels between two convolutions of 1."""

    def __init__(self, middle: Callable[[Tensor], Tensor], channels: int) -> None:
        super().__init__()
        self.enter, self.leave, self.middle = nn.Conv2d(3, 4, 1), nn.Conv2d(channels, 2, 1), middle

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(self.middle(self.enter(x)))


class ImageLinen(linen.Module):
    """Channels last."""

    middle: Callable[[Array], Array]

    @linen.compact
    def __call__(self, x: Array) -> Array:
        return linen.Conv(2, (1, 1), name="leave")(self.middle(linen.Conv(4, (1, 1), name="enter")(x)))


def faults(own: Any, right: Any, channels: int, *wrong: tuple[str, Any, str, str]) -> list[Planted]:
    """The faults of one function, each with its setting and the port's value."""

    def pair(middle: Any) -> Any:
        return paired(seeded(lambda: Image(own, channels)), lambda: ImageLinen(middle), IMAGES)

    sound = pair(right)
    return [
        Planted(f"{name} (Linen)", pair(middle), sound, setting=setting, port=port)
        for name, middle, setting, port in wrong
    ]


def cubic(length: int) -> np.ndarray:
    """The matrix that doubles a signal by torch's cubic, edges repeated."""
    a = -0.75
    matrix = np.zeros((2 * length, length))
    for place in range(2 * length):
        at = (place + 0.5) / 2 - 0.5
        first = int(np.floor(at))
        for tap in range(first - 1, first + 3):
            d = abs(at - tap)
            near, far = (a + 2) * d**3 - (a + 3) * d**2 + 1, a * (d**3 - 5 * d**2 + 8 * d - 4)
            matrix[place, min(max(tap, 0), length - 1)] += near if d <= 1 else far if d < 2 else 0.0
    return matrix


def keys(h: Array) -> Array:
    """JAX's own cubic."""
    return jax.image.resize(h, (len(h), 2 * h.shape[1], 2 * h.shape[2], h.shape[3]), "cubic")


def doubled(h: Array) -> Array:
    rows, columns = (jnp.asarray(cubic(n), h.dtype) for n in h.shape[1:3])
    return jnp.einsum("ph,qw,nhwc->npqc", rows, columns, h)


def padded(h: Array, mode: str = "reflect") -> Array:
    return jnp.pad(h, ((0, 0), (1, 1), (1, 1), (0, 0)), mode=mode)[:, ::2, ::2]


class Grouped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.enter, self.deep = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 8, 3, padding=1, groups=4)

    def forward(self, x: Tensor) -> Tensor:
        return self.deep(torch.tanh(self.enter(x)))


class DeepLinen(linen.Module):
    """``dealt``: one channel of each group in turn, as a depthwise layer with a multiplier may have them."""

    dealt: bool = False

    @linen.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.param("kernel", linen.initializers.lecun_normal(), (3, 3, 1, 8))
        bias = self.param("bias", linen.initializers.zeros, (8,))
        order = ("NHWC", "HWIO", "NHWC")
        y = lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=order, feature_group_count=4) + bias
        return y.reshape(*y.shape[:-1], 4, 2).swapaxes(-1, -2).reshape(y.shape) if self.dealt else y


class GroupedLinen(linen.Module):
    dealt: bool = False

    @linen.compact
    def __call__(self, x: Array) -> Array:
        return DeepLinen(self.dealt, name="deep")(jnp.tanh(linen.Conv(4, (1, 1), name="enter")(x)))


def responded(h: Array, alpha: float) -> Array:
    """Over three neighbouring channels, with zeros outside."""
    squares = jnp.pad(h * h, ((0, 0), (0, 0), (0, 0), (1, 1)))
    total = squares[..., :-2] + squares[..., 1:-1] + squares[..., 2:]
    return h / (1 + alpha / 3 * total) ** 0.75


def grouped(dealt: bool) -> Any:
    return paired(seeded(Grouped), lambda: GroupedLinen(dealt), IMAGES)


def in_a_row(norm: Callable[[nnx.Rngs], nnx.Module]) -> Any:
    """A bare sequence on both sides."""

    def port() -> nnx.Module:
        rngs = nnx.Rngs(0)
        return nnx.Sequential(nnx.Linear(6, 8, rngs=rngs), norm(rngs))

    return paired(seeded(lambda: nn.Sequential(nn.Linear(6, 8), nn.RMSNorm(8))), port, normal(4, 6))


GROUPED = grouped(False)
EPS = float(torch.finfo(torch.float32).eps)

ROWS = [
    *faults(
        lambda h: F.interpolate(h, scale_factor=2, mode="bicubic"), doubled, 4,
        ("another cubic enlarges", keys, "cubic coefficient", "-0.5"),
        ("the nearest enlarges", lambda h: h.repeat(2, 1).repeat(2, 2), "method", ""),
    ),
    *faults(
        lambda h: F.pad(h, (1, 1, 1, 1), mode="reflect")[:, :, ::2, ::2], padded, 4,
        ("the edge repeated for a reflection", partial(padded, mode="edge"), "padding_mode", "replicate"),
        ("zeros for a reflection", partial(padded, mode="constant"), "padding_mode", "constant"),
    ),
    *faults(
        lambda h: F.avg_pool2d(h, 3, 2, padding=1),
        lambda h: linen.avg_pool(h, (3, 3), (2, 2), ((1, 1), (1, 1))), 4,
        ("a window at the edge that counts what is there",
         lambda h: linen.avg_pool(h, (3, 3), (2, 2), ((1, 1), (1, 1)), count_include_pad=False),
         "count_include_pad", "False"),
        ("the largest for the average", lambda h: linen.max_pool(h, (3, 3), (2, 2), ((1, 1), (1, 1))), "pooling", ""),
    ),
    *faults(
        lambda h: F.local_response_norm(h, 3, alpha=0.5, k=1.0),
        lambda h: responded(h, 0.5), 4,
        ("a response norm's alpha not divided by its size", lambda h: responded(h, 1.5), "alpha", "1.5"),
    ),
    Planted("channels of a depthwise layer dealt out (Linen)", grouped(True), GROUPED, where="deep", setting="groups"),
    Planted("RMSNorm's own epsilon in a bare sequence (NNX)",
            in_a_row(lambda rngs: nnx.RMSNorm(8, rngs=rngs)),
            in_a_row(lambda rngs: nnx.RMSNorm(8, epsilon=EPS, use_fast_variance=False, rngs=rngs)), where="1",
            setting="epsilon", port="1e-06"),
]  # fmt: skip
