"""Flattened images: the order of rows follows where each side flattens, and in which order its axes then are."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen
from torch import nn

from tests.compare.weights.mapping.carry import carried, layout_of, normal


class Encoder(nn.Module):
    """All three axes of the flattened image have one size: only their roles tell them apart."""

    def __init__(self, norm=False):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.LayerNorm((4, 4, 4)) if norm else nn.Identity()
        self.out = nn.Linear(64, 64)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.conv(x)), 2)
        return self.out(self.norm(x).flatten(1))


class EncoderPort(linen.Module):
    back: bool = False

    @linen.compact
    def __call__(self, x):
        x = linen.max_pool(linen.relu(linen.Conv(4, (3, 3))(x)), (2, 2), (2, 2))
        x = x.transpose(0, 3, 1, 2) if self.back else x
        return linen.Dense(64)(x.reshape(x.shape[0], -1))


def test_a_channels_last_flatten_permutes_the_rows():
    found = carried(Encoder(), EncoderPort(), normal(2, 3, 8, 8))
    assert layout_of(found, "out.weight") == "reshape (64, 4, 16), transpose (2, 1, 0); port: reshape (16, 4, 64)"
    (line,) = [line for line in found.weight_map.explain() if line.startswith("out.weight")]
    assert "flattened (C, H, W) here, (H, W, C) there" in line


def test_a_port_that_turns_back_first_needs_none():
    found = carried(Encoder(), EncoderPort(back=True), normal(2, 3, 8, 8))
    assert layout_of(found, "out.weight") == "transpose (1, 0)"


def test_a_norm_over_the_whole_image_is_permuted_too():
    class Port(linen.Module):
        @linen.compact
        def __call__(self, x):
            x = linen.max_pool(linen.relu(linen.Conv(4, (3, 3))(x)), (2, 2), (2, 2))
            x = linen.LayerNorm(epsilon=1e-5, reduction_axes=(1, 2, 3), feature_axes=(1, 2, 3))(x)
            return linen.Dense(64)(x.reshape(x.shape[0], -1))

    found = carried(Encoder(norm=True), Port(), normal(2, 3, 8, 8))
    assert layout_of(found, "norm.weight") == "transpose (1, 2, 0)"


def test_an_image_made_of_a_flat_code():
    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.code = nn.Linear(5, 64)
            self.conv = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, x):
            return self.conv(torch.tanh(self.code(x)).view(-1, 4, 4, 4))

    class Port(linen.Module):
        @linen.compact
        def __call__(self, x):
            return linen.Conv(4, (3, 3))(jnp.tanh(linen.Dense(64)(x)).reshape(-1, 4, 4, 4))

    found = carried(Decoder(), Port(), normal(2, 5))
    assert layout_of(found, "code.bias") == "reshape (4, 16), transpose (1, 0); port: reshape (16, 4)"
    assert found.outputs == {"output": (0, 3, 1, 2)}


def test_a_flat_sequence_stays_in_order():
    class Flat(nn.Module):
        def __init__(self):
            super().__init__()
            self.out = nn.Linear(12, 12)

        def forward(self, x):
            return self.out(x.flatten(1))

    class Port(linen.Module):
        @linen.compact
        def __call__(self, x):
            return linen.Dense(12)(x.reshape(x.shape[0], -1))

    assert layout_of(carried(Flat(), Port(), normal(2, 3, 4)), "out.weight") == "transpose (1, 0)"


@pytest.mark.parametrize("variables", [False, True])
def test_a_linen_module_with_and_without_variables(variables):
    import jax

    module = EncoderPort()
    x = np.zeros((2, 8, 8, 3), np.float32)
    port = (module, module.init(jax.random.key(0), x)) if variables else module
    assert carried(Encoder(), port, normal(2, 3, 8, 8)).inputs == ((0, 2, 3, 1),)
