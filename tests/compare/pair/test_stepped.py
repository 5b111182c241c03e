"""What a pair's function may return, as one optimizer that is stepped without arguments."""

import pytest
import torch
from torch.optim import lr_scheduler

from compare.pair.fields import FieldError
from compare.pair.stepped import one_optimizer, stepped


def _optimizer(kind=torch.optim.SGD, **told):
    return kind([torch.nn.Parameter(torch.ones(1))], lr=1.0, **told)


def test_schedulers_are_stepped_after_each_step():
    """One, or several in turn; the optimizer is the same object."""

    def made(parameters, gamma):
        optimizer = torch.optim.SGD(parameters, lr=1.0)
        return optimizer, lr_scheduler.ExponentialLR(optimizer, gamma), lr_scheduler.StepLR(optimizer, 2, gamma)

    optimizer = stepped(made)([torch.nn.Parameter(torch.ones(1))], gamma=0.5)
    rates = []
    for _ in range(3):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
    assert rates == [1, 0.5, 0.125]


def test_lbfgs_of_one_iteration_takes_the_gradients_that_are_there():
    """No closure is asked for."""
    optimizer = one_optimizer(_optimizer(torch.optim.LBFGS, max_iter=1))
    (one,) = optimizer.param_groups[0]["params"]
    one.grad = torch.tensor([4.0])
    optimizer.step()
    assert one.tolist() == [0.0]


def test_what_is_no_optimizer_is_left_to_who_asks():
    """And what is one alone comes back itself."""
    assert stepped(None) is None
    assert one_optimizer(3) == 3
    optimizer = _optimizer()
    assert one_optimizer(optimizer) is optimizer


@pytest.mark.parametrize(
    ("beside", "why"),
    [
        (lambda o: 3, "3 beside an optimizer"),
        (lambda o: lr_scheduler.StepLR(_optimizer(), 1), "beside an optimizer"),
        (lr_scheduler.ReduceLROnPlateau, "stepped with a value"),
    ],
)
def test_what_cannot_be_stepped_is_refused(beside, why):
    """In one line."""
    optimizer = _optimizer()
    with pytest.raises(FieldError, match=why):
        one_optimizer((optimizer, beside(optimizer)))


def test_lbfgs_with_inner_iterations_is_refused():
    """It wants other gradients within one step."""
    with pytest.raises(FieldError, match="max_iter=20"):
        one_optimizer(_optimizer(torch.optim.LBFGS))
