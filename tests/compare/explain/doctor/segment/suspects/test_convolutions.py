"""Convolutions: each fault a port makes in one is named."""

import jax
import jax.numpy as jnp
import pytest
import torch
from flax import linen
from jax import lax
from torch import nn
from torch.nn import functional as F

from tests.compare.explain.doctor.scenes import drawn, holds, moved, scene_of, sound

X = drawn(2, 4, 8, 8)
NUMBERS = ("NCHW", "OIHW", "NCHW")


def conv(padding=((1, 1), (1, 1)), stride=(2, 2), dilation=(1, 1), kernel=lambda w: w, bias=True, mode=None, groups=1):
    def port(p, x):
        if mode:
            x = jnp.pad(x, [(0, 0), (0, 0), *padding], mode=mode)
        out = lax.conv_general_dilated(x, kernel(p["weight"]), stride, "VALID" if mode else padding,
                                       rhs_dilation=dilation, dimension_numbers=NUMBERS,
                                       feature_group_count=groups)  # fmt: skip
        return out + bias * p["bias"][:, None, None]

    return port


ROWS = [
    ("padding", "SAME", conv("SAME")),
    ("padding", "VALID", conv("VALID")),
    ("stride", "1", conv(stride=(1, 1))),
    ("dilation", "2", conv(dilation=(2, 2))),
    ("kernel", "flipped", conv(kernel=lambda w: w[:, :, ::-1, ::-1])),
    ("kernel", "(width, height)", conv(kernel=lambda w: w.transpose(0, 1, 3, 2))),
    ("kernel", "(in, out)", conv(kernel=lambda w: w.transpose(1, 0, 2, 3))),
    ("bias", "none", conv(bias=False)),
    ("padding_mode", "circular", conv(mode="wrap")),
    ("padding_mode", "reflect", conv(mode="reflect")),
]


@pytest.mark.parametrize(("setting", "value", "port"), ROWS, ids=[f"{row[0]} {row[1]}" for row in ROWS])
def test_a_convolution(setting, value, port):
    """With stride 2 on an even size, where SAME pads on one side alone."""
    module = moved(nn.Conv2d(4, 4, 3, stride=2, padding=1))
    sound(scene_of(module, [X], conv()))
    holds(scene_of(module, [X], port), setting, value)


def test_same_is_read_of_a_flax_layer():
    """Flax's default padding, named as read and tried."""
    module, own = moved(nn.Conv2d(4, 4, 3, stride=2, padding=1)), linen.Conv(4, (3, 3), strides=2)

    def port(p, x):
        params = {"kernel": p["weight"].transpose(2, 3, 1, 0), "bias": p["bias"]}
        return own.apply({"params": params}, x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)

    found = holds(scene_of(module, [X], port, layer=own), "padding", "SAME", "both")
    assert found.settings == ("padding is SAME in the port, 1 in the reference",)
    assert found.excluded == ()


def test_interleaved_groups():
    """The input's channels dealt out to the groups one by one."""
    module = moved(nn.Conv2d(4, 4, 3, groups=2, padding=1))
    plain = conv(stride=(1, 1), groups=2)
    sound(scene_of(module, [X], plain))
    mixed = scene_of(module, [X], lambda p, x: plain(p, x[:, jnp.array([0, 2, 1, 3])]))
    holds(mixed, "groups", "every n-th channel")


def transposed(cut, flip=True):
    """Torch's semantics written out: the input spread out, and a plain convolution with the kernel turned round."""

    def port(p, x):
        w = p["weight"].transpose(1, 0, 2, 3)
        w = w[:, :, ::-1, ::-1] if flip else w
        pads = [(w.shape[2] - 1 - low, w.shape[3] - 1 - high) for low, high in cut]
        out = lax.conv_general_dilated(x, w, (1, 1), pads, lhs_dilation=(2, 2), dimension_numbers=NUMBERS)
        return out + p["bias"][:, None, None]

    return port


@pytest.mark.parametrize(
    ("setting", "value", "port"),
    [
        ("kernel", "not flipped", transposed([(1, 1)] * 2, flip=False)),
        ("padding", "VALID", transposed([(0, 0)] * 2)),
        ("padding", "SAME", transposed([(0, 1)] * 2)),
        ("padding and kernel", "SAME, not flipped", transposed([(0, 1)] * 2, flip=False)),
    ],
)
def test_a_transposed_convolution(setting, value, port):
    """Flax's kernel lies the other way round and its padding means another thing."""
    module = moved(nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1))
    sound(scene_of(module, [X], transposed([(1, 1)] * 2)))
    holds(scene_of(module, [X], port), setting, value)


def test_the_channels_of_a_transposed_kernel():
    """Torch's lies as (in, out), unlike that of a convolution."""
    port = transposed([(1, 1)] * 2)
    module = moved(nn.ConvTranspose2d(4, 4, 3, stride=2, padding=1))
    sound(scene_of(module, [X], port))
    turned = scene_of(module, [X], lambda p, x: port({**p, "weight": p["weight"].transpose(1, 0, 2, 3)}, x))
    holds(turned, "kernel", "(out, in)")


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize(("size", "stride"), [(3, 2), (4, 2), (2, 3), (5, 3)])
def test_what_flaxs_own_transposed_convolution_does(flip, size, stride):
    """Linen's layer with its default padding, whose meaning ``compare.explain.doctor.segment.padding`` reads."""
    module = moved(nn.ConvTranspose2d(4, 3, size, stride=stride, padding=size // 2, output_padding=1))
    own = linen.ConvTranspose(3, (size, size), strides=(stride, stride), transpose_kernel=flip)

    def port(p, x):
        kernel = p["weight"].transpose(2, 3, 1, 0) if flip else p["weight"].transpose(2, 3, 0, 1)
        out = own.apply({"params": {"kernel": kernel, "bias": p["bias"]}}, x.transpose(0, 2, 3, 1))
        return out.transpose(0, 3, 1, 2)

    setting = "padding" if flip else "padding and kernel"
    holds(scene_of(module, [X], port, layer=own), setting)


class Padded(nn.Module):
    def forward(self, x):
        return F.pad(x, (2, 0, 1, 0))


@pytest.mark.parametrize(
    ("setting", "value", "port"),
    [
        ("padding_mode", "reflect", lambda p, x: jnp.pad(x, [(0, 0), (0, 0), (1, 0), (2, 0)], mode="reflect")),
        ("padding", "(0, 2, 0, 1)", lambda p, x: jnp.pad(x, [(0, 0), (0, 0), (0, 1), (0, 2)])),
        ("padding", "(1, 0, 2, 0)", lambda p, x: jnp.pad(x, [(0, 0), (0, 0), (2, 0), (1, 0)])),
        ("padding", "(1, 1, 0, 1)", lambda p, x: jnp.pad(x, [(0, 0), (0, 0), (0, 1), (1, 1)])),
        ("padding value", "1", lambda p, x: jnp.pad(x, [(0, 0), (0, 0), (1, 0), (2, 0)], constant_values=1)),
    ],
)
def test_padding_by_itself(setting, value, port):
    """What with, on which side, in which order of axes."""
    holds(scene_of(Padded(), [X], port), setting, value)


class Circular(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(4, 4, 3, padding=1, padding_mode="circular")

    def forward(self, x):
        return torch.tanh(self.conv(x))


def test_zeros_for_a_circular_padding():
    """Torch pads by a call of its own there."""

    def port(p, x):
        out = lax.conv_general_dilated(x, p["conv.weight"], (1,), [(1, 1)], dimension_numbers=("NCH", "OIH", "NCH"))
        return jnp.tanh(out + p["conv.bias"][:, None])

    holds(scene_of(moved(Circular()), [drawn(2, 4, 8)], port), "padding_mode", "constant")


def test_an_unknown_convolution():
    """What was excluded is said."""
    from compare.explain.doctor.segment.diagnose import diagnose

    module = moved(nn.Conv2d(4, 4, 3, stride=2, padding=1))
    found = diagnose(scene_of(module, [X], lambda p, x: jax.nn.gelu(conv()(p, x) ** 3)))
    assert not any(cause.certain for cause in found.causes)
    assert {"padding SAME", "kernel flipped", "no bias"} <= set(found.excluded)
