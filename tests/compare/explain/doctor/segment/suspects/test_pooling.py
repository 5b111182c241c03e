"""Pooling and resizing: each fault a port makes in one is named."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen
from jax import lax
from torch import nn
from torch.nn import functional as F

from tests.compare.explain.doctor.scenes import drawn, holds, scene_of, sound

X = drawn(2, 4, 8, 8)


def last(function):
    return lambda p, x: function(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def largest(stride=(2, 2), padding=((1, 1), (1, 1)), fill=-jnp.inf):
    def port(p, x):
        if fill == 0:
            x = jnp.pad(x, [(0, 0), (0, 0), *padding])
            return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 3, 3), (1, 1, *stride), "VALID")
        return last(lambda y: linen.max_pool(y, (3, 3), stride, padding))(p, x)

    return port


@pytest.mark.parametrize(
    ("setting", "value", "port"),
    [
        ("stride", "1", largest(stride=(1, 1))),
        ("padding", "SAME", largest(padding="SAME")),
        ("padding", "VALID", largest(padding="VALID")),
        ("padding value", "0", largest(fill=0)),
        ("pooling", "avg_pool2d", last(lambda y: linen.avg_pool(y, (3, 3), (2, 2), [(1, 1)] * 2))),
    ],
)
def test_a_maximum(setting, value, port):
    """Flax's defaults, and the average for the maximum."""
    module = nn.MaxPool2d(3, 2, 1)
    negative = -1 - np.abs(X)
    sound(scene_of(module, [negative], largest()))
    holds(scene_of(module, [negative], port), setting, value)


@pytest.mark.parametrize(
    ("setting", "value", "port"),
    [
        ("count_include_pad", "False",
         last(lambda y: linen.avg_pool(y, (3, 3), (2, 2), [(1, 1)] * 2, count_include_pad=False))),
        ("padding", "SAME", last(lambda y: linen.avg_pool(y, (3, 3), (2, 2), "SAME"))),
        ("padding", "SAME, not counted",
         last(lambda y: linen.avg_pool(y, (3, 3), (2, 2), "SAME", count_include_pad=False))),
        ("pooling", "sum", last(lambda y: 9 * linen.avg_pool(y, (3, 3), (2, 2), [(1, 1)] * 2))),
        ("pooling", "max_pool2d", last(lambda y: linen.max_pool(y, (3, 3), (2, 2), [(1, 1)] * 2))),
    ],
)  # fmt: skip
def test_an_average(setting, value, port):
    """What counts in it."""
    holds(scene_of(nn.AvgPool2d(3, 2, 1), [X], port), setting, value)


def test_rounding_up():
    """The last, partial window is there in one of them."""
    port = last(lambda y: linen.max_pool(y, (4, 4), (4, 4), [(0, 2)] * 2))
    holds(scene_of(nn.MaxPool2d(4), [drawn(2, 4, 10, 10)], port), "ceil_mode", "True")


def test_global_pooling():
    """The maximum, and the sum, for the average."""
    module = nn.AdaptiveAvgPool2d(1)
    sound(scene_of(module, [X], lambda p, x: x.mean((2, 3), keepdims=True)))
    holds(scene_of(module, [X], lambda p, x: x.max((2, 3), keepdims=True)), "pooling", "adaptive_max_pool2d")
    holds(scene_of(module, [X], lambda p, x: x.sum((2, 3), keepdims=True)), "pooling", "sum")


class Resized(nn.Module):
    def __init__(self, mode, size, **options):
        super().__init__()
        self.mode, self.size, self.options = mode, size, options

    def forward(self, x):
        return F.interpolate(x, size=(self.size, self.size), mode=self.mode, **self.options)


def resized(method, size, **options):
    return lambda p, x: jax.image.resize(x, (*x.shape[:2], size, size), method, **options)


@pytest.mark.parametrize(
    ("module", "setting", "value", "port"),
    [
        (Resized("nearest", 5), "method", "nearest-exact", resized("nearest", 5)),
        (Resized("bilinear", 5), "antialias", "True", resized("bilinear", 5)),
        (Resized("bilinear", 13, align_corners=True), "align_corners", "False", resized("bilinear", 13)),
        (Resized("bilinear", 13), "method", "nearest-exact", resized("nearest", 13)),
        (Resized("nearest", 13), "method", "bilinear", resized("bilinear", 13)),
    ],
)
def test_resizing(module, setting, value, port):
    """What ``jax.image.resize`` does by default."""
    holds(scene_of(module, [X], port), setting, value)


class Enlarged(nn.Module):
    def forward(self, x):
        return F.interpolate(x, scale_factor=1.3, mode="bilinear")


def test_a_factor_that_the_sizes_do_not_have():
    """Torch counts places by the factor it is given, JAX by the ratio of the sizes that come of it."""
    size = int(X.shape[-1] * 1.3)
    holds(scene_of(Enlarged(), [X], resized("bilinear", size)), "scale_factor", "that of the sizes")


def test_a_cubic_of_another_coefficient():
    """Even where it enlarges; either name of the cause is the true one."""
    from compare.explain.doctor.segment.diagnose import diagnose

    found = diagnose(scene_of(Resized("bicubic", 13), [X], resized("cubic", 13)))
    assert [cause.setting for cause in found.causes if cause.certain] in (["antialias"], ["cubic coefficient"])


def test_pixel_shuffle():
    """The channels of a block before or after the others."""

    def port(p, x):
        n, c, h, w = x.shape
        return x.reshape(n, 2, 2, c // 4, h, w).transpose(0, 3, 4, 1, 5, 2).reshape(n, c // 4, 2 * h, 2 * w)

    holds(scene_of(nn.PixelShuffle(2), [drawn(2, 8, 3, 3)], port), "channel order")
