"""The perceptron with any number of layers, in each framework: what a sweep over width and depth is made of."""

from collections.abc import Sequence
from itertools import pairwise

import jax
import torch
from flax import linen
from torch import nn


class TorchMLP(nn.Module):
    """Inputs (batch, ...) in, raw outputs (batch, widths[-1]) out; ``widths`` begins with the input's."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.net = nn.Sequential(*layers[:-1])

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.net(inputs)


class LinenMLP(linen.Module):
    """The same; ``widths`` begins with the first layer's, since the input's is read off the first batch."""

    widths: tuple[int, ...]

    @linen.compact
    def __call__(self, inputs: jax.Array) -> jax.Array:
        x = inputs.reshape(inputs.shape[0], -1)
        for width in self.widths[:-1]:
            x = linen.relu(linen.Dense(width)(x))
        return linen.Dense(self.widths[-1])(x)
