"""What is put around an optimizer: clipping, groups, masks, accumulation, averaged weights."""

import pytest
import torch

from torchref.optimizers import accumulate, by_group, clip_grad_norm, clip_grad_value, decayed, ema, sgd


def _with_gradient(*entries: float) -> torch.nn.Parameter:
    one = torch.nn.Parameter(torch.zeros(len(entries)))
    one.grad = torch.tensor(entries)
    return one


def test_gradients_are_clipped_in_place():
    """By their norm together, and entry by entry."""
    one, other = _with_gradient(3.0), _with_gradient(4.0)
    clip_grad_norm([one, other], 1.0)
    assert [float(one.grad), float(other.grad)] == pytest.approx([0.6, 0.8], rel=1e-6)
    clip_grad_value([other], 0.5)
    assert float(other.grad) == 0.5


def test_groups_have_settings_of_their_own():
    """And what is shared otherwise."""
    matrix, bias = torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.ones(2))
    optimizer = by_group(sgd, {"a": [matrix], "b": [bias]}, {"a": {}, "b": {"learning_rate": 0.5}}, momentum=0.0)
    assert [(group["lr"], group["momentum"]) for group in optimizer.param_groups] == [(0.1, 0.0), (0.5, 0.0)]
    assert [group["weight_decay"] for group in decayed([bias, matrix], 0.1)] == [0.1, 0.0]
    assert decayed([bias, matrix], 0.1)[0]["params"] == [matrix]


def test_an_accumulated_step_takes_the_mean():
    """Of the gradients 2 and 4."""
    one = torch.nn.Parameter(torch.zeros(()))
    accumulate(sgd([one], 1.0, 0.0), [lambda: 2 * one, lambda: 4 * one])
    assert one.item() == -3


def test_an_average_starts_as_a_copy():
    """After the first step, and moves by ``1 - decay`` from then on."""
    model = torch.nn.Linear(1, 1, bias=False)
    average = ema(model, 0.75)
    for value in (1.0, 5.0):
        torch.nn.init.constant_(model.weight, value)
        average.update_parameters(model)
    assert average.module.weight.item() == 2
