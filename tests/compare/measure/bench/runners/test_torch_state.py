"""A torch row is put back where it stood, and an optimizer starts with zeros where they are as good as nothing."""

from dataclasses import replace

import pytest
import torch

from compare.measure.bench.runners.torch_problem import TorchProblem
from compare.measure.bench.runners.torch_state import Mark, starts_at_zero
from compare.pair.pair import Optimizers
from compare.pair.prepare import prepare
from compare.verdict.precision import FLOAT32
from tests.compare.measure.bench.small import regularized


def problem_with(optimizer, cpu):
    """Dropout, batch norm, and that optimizer."""
    prepared = prepare(replace(regularized(), optimizers=Optimizers(optimizer, lambda: None)))
    return TorchProblem(prepared, prepared.enter(0, 4).at(FLOAT32), FLOAT32, cpu)


def stepping(problem):
    """Four steps by hand."""

    def step():
        for given in problem.batches:
            problem.optimizer.zero_grad()
            problem.loss(given).backward()
            problem.optimizer.step()

    return step


def values(problem):
    """All of it that moves."""
    states = problem.optimizer.state
    own = [value for parameter in states for value in states[parameter].values()]
    return [tensor.detach().clone() for tensor in [*problem.tensors().values(), *own]]


def test_everything_comes_back_in_place(cpu):
    """Parameters, running statistics, the optimizer's state and the generator: the same steps give the same bits."""
    problem = problem_with(lambda p: torch.optim.Adam(p, lr=0.1), cpu)
    step, addresses = stepping(problem), [tensor.data_ptr() for tensor in problem.tensors().values()]
    step()
    mark, before = Mark(problem), values(problem)
    step()
    after = values(problem)
    mark.restore()
    assert all(map(torch.equal, before, values(problem)))
    assert not all(map(torch.equal, before, after))
    step()
    assert all(map(torch.equal, after, values(problem)))
    assert addresses == [tensor.data_ptr() for tensor in problem.tensors().values()]


def test_a_schedule_comes_back(cpu):
    """With the settings that it moves: every block of the clock starts at the same learning rate."""

    def scheduled(parameters):
        optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
        return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=40)

    problem = problem_with(scheduled, cpu)
    step = stepping(problem)
    step()
    mark, group = Mark(problem), problem.optimizer.param_groups[0]
    before = group["lr"], group["momentum"]
    step()
    after = group["lr"], group["momentum"]
    mark.restore()
    assert (group["lr"], group["momentum"]) == before != after
    step()
    assert (group["lr"], group["momentum"]) == after


def test_state_made_since_is_gone(cpu):
    """A mark before the first step is before the optimizer had a state."""
    problem = problem_with(lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), cpu)
    mark = Mark(problem)
    stepping(problem)()
    assert problem.optimizer.state
    mark.restore()
    assert not problem.optimizer.state


@pytest.mark.parametrize(
    ("optimizer", "zeros"),
    [
        (lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9), True),
        (lambda p: torch.optim.SGD(p, lr=0.1), True),
        (lambda p: torch.optim.Adam(p, lr=0.1), True),
        (lambda p: torch.optim.RMSprop(p, lr=0.1), True),
        (lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.5), False),
    ],
    ids=["momentum", "plain", "Adam", "RMSprop", "dampening"],
)
def test_an_optimizer_starts_at_zero_where_that_is_its_first_step(optimizer, zeros, cpu):
    """A momentum with dampening takes its first gradient whole, so that it does not; either way nothing has moved."""
    problem = problem_with(optimizer, cpu)
    before = {name: tensor.detach().clone() for name, tensor in problem.tensors().items()}
    assert starts_at_zero(problem, stepping(problem)) is zeros
    assert all(torch.equal(tensor, before[name]) for name, tensor in problem.tensors().items())
    made = [value for own in problem.optimizer.state.values() for value in own.values()]
    assert all(not value.any() for value in made)
    assert zeros or not made
