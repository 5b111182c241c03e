"""In which order a port holds the features of a linear layer, by what the weight map does to it."""

from typing import Any

import numpy as np
import torch
from flax import linen
from torch import Tensor, nn

from compare.explain.locate.cuts import IN
from compare.explain.locate.layer_pairs import paired_modules
from compare.explain.locate.orders import feature_orders
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from tests.compare.explain.locate.models import blocks_pair


class Flat(nn.Module):
    """A convolution (2, 3, 3), flattened channels first, into a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.fc = nn.Linear(18, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(torch.tanh(self.conv(x)).flatten(1))


class LinenFlat(linen.Module):
    @linen.compact
    def __call__(self, x: Any) -> Any:
        x = linen.tanh(linen.Conv(2, (3, 3), padding="VALID", name="conv")(x))
        return linen.Dense(4, name="fc")(x.reshape(x.shape[0], -1))


def test_a_layer_behind_a_flatten_takes_channels_last():
    """Entry i of the port's (height, width, channel) is entry order[i] of the reference's (channel, height, width)."""
    batch = np.ones((2, 1, 5, 5), np.float32)
    prepared = prepare(Pair(Flat(), LinenFlat(), batch))
    orders = feature_orders(prepared, paired_modules(prepared))
    wanted = np.arange(18).reshape(2, 3, 3).transpose(1, 2, 0).reshape(-1)
    assert list(orders) == [("fc", IN)]
    np.testing.assert_array_equal(orders["fc", IN], wanted)


def test_where_nothing_is_flattened_there_is_no_order():
    """Kernels that are only transposed keep their features."""
    prepared = prepare(blocks_pair())
    assert feature_orders(prepared, paired_modules(prepared)) == {}
