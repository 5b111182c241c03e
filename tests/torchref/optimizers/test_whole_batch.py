"""Rprop, L-BFGS of one iteration, ASGD."""

import pytest
import torch

from torchref.optimizers import asgd, lbfgs, rprop


@pytest.mark.parametrize(("make", "kind"), [(rprop, torch.optim.Rprop), (asgd, torch.optim.ASGD)])
def test_the_defaults_are_torchs(make, kind):
    """The same group as torch's own constructor makes."""
    one = [torch.nn.Parameter(torch.ones(2))]
    own, torchs = ({k: v for k, v in o.param_groups[0].items() if k != "params"} for o in (make(one), kind(one)))
    assert own == torchs


def test_a_step_of_lbfgs_asks_for_the_gradient_once():
    """That is what makes it a function of one gradient."""
    one = torch.nn.Parameter(torch.ones(2))
    asked = []

    def closure():
        asked.append(1)
        one.grad = 2 * one.detach()
        return (one.detach() ** 2).sum()

    optimizer = lbfgs([one])
    optimizer.step(closure)
    optimizer.step(closure)
    assert len(asked) == 2
