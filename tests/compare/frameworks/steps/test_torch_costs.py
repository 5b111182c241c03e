"""What torch counts, and what lies in its memory."""

import pytest
import torch

from compare.frameworks.steps.torch_costs import bytes_held, torch_flops
from compare.frameworks.steps.torch_step import torch_step

LEFT, RIGHT, TOTAL = torch.ones(2, 3), torch.ones(3, 5), torch.ones(2, 5)
UNCOUNTED = {
    "addmm_": (lambda: TOTAL.addmm_(LEFT, RIGHT), 30),
    "baddbmm_": (lambda: TOTAL[None].baddbmm_(LEFT[None], RIGHT[None]), 30),
    "addbmm_": (lambda: TOTAL.addbmm_(LEFT[None], RIGHT[None]), 30),
    "addmv_": (lambda: TOTAL[:, 0].addmv_(LEFT, RIGHT[:, 0]), 6),
    "addr_": (lambda: TOTAL.addr_(LEFT[:, 0], RIGHT[0]), 10),
}


def test_products_are_counted_twice_their_multiply_adds():
    """(3, 4) by (4, 5), forward and backward by one of both."""
    left, right = torch.ones(3, 4), torch.ones(4, 5, requires_grad=True)
    assert torch_flops(lambda: (left @ right).sum().backward()) == 2 * 2 * 3 * 4 * 5


@pytest.mark.parametrize(("step", "multiply_adds"), UNCOUNTED.values(), ids=UNCOUNTED)
def test_what_torch_does_not_count_the_formula_does(step, multiply_adds):
    """Products that are added in place."""
    assert torch_flops(step) == 0
    assert sum(one.multiply_adds + one.unneeded for one in torch_step(step)) == multiply_adds


def test_a_memory_that_several_share_is_held_once():
    """A tensor and a view of it, in whatever they lie."""
    whole = torch.zeros(10)
    assert bytes_held({"a": whole}, [whole[2:4], torch.zeros(2, dtype=torch.float64)], 3) == 40 + 16
