"""Convolutions are counted by what meets, which is the same for one and for both its gradients."""

import numpy as np
import pytest

from compare.frameworks.steps.step_operation import Dimension, meetings, product


@pytest.mark.parametrize(
    ("size", "window", "stride", "padding", "dilation"),
    [(8, 3, 1, 0, 1), (8, 3, 2, 1, 1), (9, 3, 2, 1, 2), (7, 5, 3, 2, 1), (5, 1, 2, 0, 1)],
)
def test_pairs_are_those_of_a_convolution_by_hand(size, window, stride, padding, dilation):
    """Every (output, place in the window) whose input is no padding, counted in a loop over padded zeros."""
    padded = np.pad(np.ones(size), padding)
    outputs = (size + 2 * padding - dilation * (window - 1) - 1) // stride + 1
    met = sum(padded[out * stride + place * dilation] for out in range(outputs) for place in range(window))
    assert Dimension(size, outputs, window, stride, padding, 1, dilation).pairs() == met
    # The gradient by the input is a convolution over the outputs with holes between them, and has as many.
    low = dilation * (window - 1) - padding
    assert Dimension(outputs, size, window, 1, low, stride, dilation).pairs() == met
    # The gradient by the window is one whose window are the outputs.
    assert Dimension(size, window, outputs, dilation, padding, 1, stride).pairs() == met


def test_dimensions_multiply():
    """Two spatial dimensions meet independently."""
    assert meetings([Dimension(4, 4, 1), Dimension(5, 3, 3)]) == 4 * 9
    assert meetings([]) == 1


@pytest.mark.parametrize(
    ("sizes", "count"),
    [((1, 4, 3, 5), 60), ((2, 4, 3, 5), 120), ((7, 1, 1, 5), 0), ((7, 1, 9, 1), 0), ((1, 4, 3, 1), 12)],
)
def test_a_sum_or_a_scaling_is_no_product(sizes, count):
    """One side writes a loss with vdot, the other with a sum."""
    assert product(*sizes) == count
