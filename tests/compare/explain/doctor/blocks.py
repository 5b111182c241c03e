"""A small module for the tests of counting and changing calls."""

import torch
from torch import nn
from torch.nn import functional as F

from compare.explain.calls.change import recorded

X = torch.linspace(-2, 2, 24, dtype=torch.float64).reshape(4, 6)


class Block(nn.Module):
    """A layer, functional code, an in-place operation and an operator."""

    def __init__(self):
        super().__init__()
        self.norm, self.fc, self.drop, self.scale = nn.LayerNorm(6), nn.Linear(6, 6), nn.Dropout(0.5), 2.0

    def forward(self, x):
        y = self.drop(F.gelu(self.fc(self.norm(x))))
        y = y * self.scale
        y += x
        return y.T.T


def block():
    """A seeded one, in double, for evaluation."""
    torch.manual_seed(0)
    return Block().double().eval()


def numbers(module, x):
    with recorded(module) as calls:
        F.mse_loss(module(x), torch.zeros_like(x))
    return {call.name: call for call in calls}
