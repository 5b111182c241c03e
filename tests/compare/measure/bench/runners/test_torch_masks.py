"""Dropout layers that are given their masks."""

import pytest
import torch
from torch import nn

from compare.measure.bench.runner import Unavailable
from compare.measure.bench.runners.torch_masks import mask_layers

X = torch.arange(12.0).reshape(3, 4) + 1


def test_a_layer_drops_what_its_mask_says():
    """Scaled as torch scales it."""
    module = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.25))
    layers = mask_layers(module, (((3, 4), 0.25),), ((X,), {}))
    assert list(layers) == ["1"]
    layers["1"].mask.zero_()[0, 0] = 1
    out, whole = module(X), module[0](X)
    assert torch.equal(out[0, 0], whole[0, 0] / 0.75)
    assert out.count_nonzero() == 1


def test_layers_are_in_the_order_of_their_calls():
    """Which need not be that of the attributes."""

    class Crossed(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4))
            self.late, self.early, self.off = nn.Dropout(0.5), nn.Dropout(0.25), nn.Dropout(0.0)

        def forward(self, x):
            return self.off(self.late(self.early(x * self.weight)))

    layers = mask_layers(Crossed(), (((3, 4), 0.25), ((3, 4), 0.5)), ((X,), {}))
    assert [(path, layer.rate) for path, layer in layers.items()] == [("early", 0.25), ("late", 0.5)]


def test_a_dropout_that_is_no_layer_is_refused():
    """Nor one that is called twice."""

    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 4)

        def forward(self, x):
            return nn.functional.dropout(self.linear(x), 0.5, self.training)

    with pytest.raises(Unavailable, match="only dropout layers, each called once"):
        mask_layers(Functional(), (((3, 4), 0.5),), ((X,), {}))
    shared = nn.Dropout(0.5)
    with pytest.raises(Unavailable, match="only dropout layers, each called once"):
        mask_layers(nn.Sequential(nn.Linear(4, 4), shared, shared), (((3, 4), 0.5),) * 2, ((X,), {}))
