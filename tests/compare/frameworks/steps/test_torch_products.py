"""Multiply-adds of torch's operations, against those of the same work written with plain products."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from compare.frameworks.steps.torch_step import torch_step


def counted(function, *tensors):
    """Multiply-adds of the function's value and gradients, all of them needed."""
    tensors = [tensor.requires_grad_() for tensor in tensors]
    operations = torch_step(lambda: torch.autograd.grad(function(*tensors).square().sum(), tensors), following=0)
    return sum(one.multiply_adds for one in operations)


def test_products():
    """Forward, and a gradient by either operand."""
    assert counted(torch.mm, torch.randn(3, 4), torch.randn(4, 5)) == 3 * 60
    assert counted(torch.bmm, torch.randn(2, 3, 4), torch.randn(2, 4, 5)) == 3 * 120
    assert counted(F.linear, torch.randn(6, 3, 4), torch.randn(5, 4), torch.randn(5)) == 3 * 6 * 60


def test_products_with_a_sum_inside():
    """The bias of addmm and baddbmm is no work."""
    assert counted(torch.addmm, torch.randn(5), torch.randn(3, 4), torch.randn(4, 5)) == 3 * 60
    assert counted(torch.baddbmm, torch.randn(2, 3, 5), torch.randn(2, 3, 4), torch.randn(2, 4, 5)) == 3 * 120


@pytest.mark.parametrize(("stride", "padding", "groups"), [(1, 0, 1), (2, 1, 1), (2, 1, 2), (1, 2, 4)])
def test_a_convolution_is_the_product_over_patches(stride, padding, groups):
    """Three times what a product over its patches of nonzero input makes: forward and both gradients."""
    x, w = torch.ones(2, 4, 7, 6), torch.ones(8, 4 // groups, 3, 3)
    met = F.conv2d(x, w, stride=stride, padding=padding, groups=groups).sum()  # ones count themselves
    assert counted(lambda x, w: F.conv2d(x, w, stride=stride, padding=padding, groups=groups), x, w) == 3 * int(met)


def test_a_transposed_convolution():
    """The mirror image of a convolution counts likewise."""
    x, w = torch.ones(2, 4, 5, 5), torch.ones(4, 3, 3, 3)
    options = {"stride": 2, "padding": 1, "output_padding": 1}
    met = F.conv_transpose2d(x, w, **options).sum()
    assert counted(lambda x, w: F.conv_transpose2d(x, w, **options), x, w) == 3 * int(met)


def test_attention_is_its_two_products():
    """One kernel counts as the formula that it computes, forward and backward."""
    q, k, v = torch.randn(2, 3, 5, 4), torch.randn(2, 3, 7, 4), torch.randn(2, 3, 7, 6)
    fused = counted(F.scaled_dot_product_attention, q, k, v)
    assert fused == counted(lambda q, k, v: torch.softmax(q @ k.mT, -1) @ v, q, k, v) == 3 * 2 * 3 * 5 * 7 * (4 + 6)


def test_a_recurrent_layer_is_its_cells():
    """One kernel over all steps counts as a loop of cells."""
    layer, cell = nn.LSTM(4, 5), nn.LSTMCell(4, 5)
    inputs = torch.randn(6, 3, 4)

    def loop():
        h = c = torch.zeros(3, 5)
        total = torch.zeros(())
        for step in inputs:
            h, c = cell(step, (h, c))
            total = total + h.sum()
        return total

    def work(loss, parameters):
        return sum(
            one.multiply_adds for one in torch_step(lambda: torch.autograd.grad(loss(), list(parameters)), following=0)
        )

    assert work(lambda: layer(inputs)[0].sum(), layer.parameters()) == work(loop, cell.parameters())
