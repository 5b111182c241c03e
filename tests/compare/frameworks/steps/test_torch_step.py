"""What a dispatched step is taken for: its operations, what nothing needs, and what it computes a second time."""

import torch
from torch import nn

from compare.frameworks.steps.torch_step import torch_step


class Step:
    """A layer, its optimizer, and a batch."""

    def __init__(self, inputs=None, **options):
        torch.manual_seed(0)
        self.module = nn.Linear(4, 3)
        self.optimizer = torch.optim.SGD(self.module.parameters(), lr=0.1, **options)
        self.inputs = torch.randn(5, 4) if inputs is None else inputs

    def __call__(self):
        self.optimizer.zero_grad()
        loss = self.module(self.inputs).square().mean()
        loss.backward()
        self.optimizer.step()
        return loss


def work(step):
    operations = torch_step(step)
    return sum(one.multiply_adds for one in operations), sum(one.unneeded for one in operations)


def test_the_gradient_by_parameters_is_needed():
    """The next step's loss depends on it."""
    assert work(Step()) == (2 * 60, 0)
    assert work(Step(momentum=0.9, foreach=True)) == (2 * 60, 0)


def test_the_gradient_by_an_input_is_not():
    """It is left in the input's grad, which nobody reads."""
    assert work(Step(torch.randn(5, 4, requires_grad=True))) == (2 * 60, 60)


def test_a_product_that_is_dropped_is_not_needed():
    """Whatever becomes of the loss does not depend on it."""
    step = Step()

    def dropping():
        step.inputs @ step.inputs.T
        return step()

    assert work(dropping) == (2 * 60, 100)


def test_a_step_that_returns_nothing_is_needed_for_its_parameters():
    """As people write it who do not look at the loss."""
    step = Step()
    assert work(lambda: step() and None) == (2 * 60, 0)


def test_what_is_computed_again_is_seen():
    """The same operation on the same values; not the same operation on others."""
    step = Step()

    def twice():
        with torch.no_grad():
            step.module(step.inputs)
        return step()

    again = [one.name for one in torch_step(twice) if one.again and one.is_product]
    assert again == ["addmm"]
    assert not [one for one in torch_step(step) if one.again and one.multiply_adds]


def test_a_random_number_is_never_the_same():
    """Two dropouts on one input are two operations."""
    x = torch.ones(8)
    operations = torch_step(lambda: nn.functional.dropout(x) + nn.functional.dropout(x), following=0)
    assert not any(one.again for one in operations if "dropout" in one.name or "bernoulli" in one.name)


def test_dtypes_are_those_of_what_is_read_and_returned():
    """A cast has both."""
    operations = torch_step(lambda: torch.ones(3).bfloat16() * 2, following=0)
    assert frozenset({"float32", "bfloat16"}) in {one.dtypes for one in operations}
    assert operations[-1].dtypes == frozenset({"bfloat16"})


def test_views_are_no_operations():
    """They compute nothing."""
    x = torch.ones(4, 4)
    assert [one.name for one in torch_step(lambda: x.T.reshape(2, 8)[0].detach() + 1, following=0)] == ["clone", "add"]


def test_a_number_for_the_host_is_an_operation():
    """And is not taken for one that nothing needs."""
    x = torch.ones(3)
    assert "_local_scalar_dense" in [one.name for one in torch_step(lambda: x * x.sum().item(), following=0)]
