"""What torch counts, and what lies in its memory."""

import torch

from compare.frameworks.steps.torch_costs import bytes_held, torch_flops


def test_products_are_counted_twice_their_multiply_adds():
    """(3, 4) by (4, 5), forward and backward by one of both."""
    left, right = torch.ones(3, 4), torch.ones(4, 5, requires_grad=True)
    assert torch_flops(lambda: (left @ right).sum().backward()) == 2 * 2 * 3 * 4 * 5


def test_a_memory_that_several_share_is_held_once():
    """A tensor and a view of it, in whatever they lie."""
    whole = torch.zeros(10)
    assert bytes_held({"a": whole}, [whole[2:4], torch.zeros(2, dtype=torch.float64)], 3) == 40 + 16
