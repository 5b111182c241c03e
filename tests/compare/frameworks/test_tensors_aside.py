"""A reference whose parameters, saved tensors, gradients and optimizer state lie on disk: the same in every bit."""

import copy
import gc

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from compare.arrays.aside import Aside, is_aside
from compare.frameworks.models.references import copied
from compare.frameworks.tensors_aside import on_disk, one_at_a_time, parameters_on_disk, stepping_on_disk


class Tied(nn.Module):
    """An embedding that is the head too, a norm, a dropout of eval's, an operation in place."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(7, 5)
        self.mix = nn.Linear(5, 5)
        self.norm = nn.LayerNorm(5)
        self.unused = nn.Parameter(torch.ones(3))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.embed(ids)
        x = x + F.relu(self.mix(self.norm(x)), inplace=True)
        return x @ self.embed.weight.T


@pytest.fixture
def module() -> Tied:
    torch.manual_seed(0)
    return Tied().double()


@pytest.fixture
def aside() -> Aside:
    """Nothing stays in memory."""
    return Aside(small=0, room=0)


IDS = torch.tensor([[1, 2, 3], [3, 0, 1]])


def gradients(module: nn.Module) -> dict[str, np.ndarray]:
    module(IDS).square().sum().backward()
    return {name: one.grad.numpy() for name, one in module.named_parameters() if one.grad is not None}


def test_the_gradients_are_the_same_and_none_is_left(module, aside):
    """A parameter that is used twice gets its sum, one that is not used none; nothing stays on disk."""
    wanted = gradients(copy.deepcopy(module))
    parameters = dict(module.named_parameters())
    with one_at_a_time(aside, parameters) as taken:
        loss = module(IDS).square().sum()
        assert aside.bytes_now > 0  # what the tape saved
        loss.backward()
    assert taken.keys() == wanted.keys() == parameters.keys() - {"unused"}
    for name, gradient in wanted.items():
        assert is_aside(taken[name])
        np.testing.assert_array_equal(taken[name], gradient)
    assert all(one.grad is None for one in parameters.values())
    del taken, loss
    gc.collect()
    assert aside.bytes_now == 0


def test_gradients_that_come_in_two_passes_are_added(module, aside):
    """A model may differentiate within its own forward pass."""
    with one_at_a_time(aside, dict(module.named_parameters())) as taken:
        for _ in range(2):
            module(IDS).square().sum().backward()
    np.testing.assert_allclose(taken["mix.weight"], 2 * gradients(module)["mix.weight"], rtol=1e-14)


def test_a_second_derivative_goes_through_what_was_saved(module, aside):
    """What comes back from disk has its history."""

    def penalty(module: nn.Module) -> torch.Tensor:
        x = module.embed(IDS)
        (slope,) = torch.autograd.grad(module.mix(x).tanh().sum(), x, create_graph=True)
        return slope.square().sum()

    penalty(module).backward()
    wanted = module.mix.weight.grad.numpy().copy()
    module.zero_grad()
    with one_at_a_time(aside, dict(module.named_parameters())) as taken:
        penalty(module).backward()
    np.testing.assert_array_equal(taken["mix.weight"], wanted)


def test_a_change_in_place_of_what_was_saved_is_refused_as_torch_does(module):
    """Of what stays in memory: torch does not look where there are hooks."""
    with one_at_a_time(Aside(small=0), dict(module.named_parameters())):
        y = module.embed(IDS).exp()
        loss = y.sum()
        y.detach().zero_()
        with pytest.raises(RuntimeError, match="inplace"):
            loss.backward()


def test_an_optimizers_state_lies_on_disk(module, aside):
    """And its steps are the same in every bit."""
    other, steps = copy.deepcopy(module), 3
    optimizer = torch.optim.Adam(other.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        gradients(other)
        optimizer.step()
    parameters = dict(module.named_parameters())
    for parameter in parameters.values():
        parameter.data = on_disk(parameter, aside)
    optimizer = torch.optim.Adam(parameters.values(), lr=0.1)
    for _ in range(steps):
        with one_at_a_time(aside, parameters) as taken:
            module(IDS).square().sum().backward()
        with stepping_on_disk(aside, parameters, taken):
            optimizer.step()
    for name, parameter in other.named_parameters():
        np.testing.assert_array_equal(parameters[name].detach().numpy(), parameter.detach().numpy())
    held = optimizer.state[module.mix.weight]["exp_avg"]
    del taken
    gc.collect()
    assert aside.bytes_now >= held.numel() * 8 * 2 + sum(one.numel() * 8 for one in parameters.values())


def test_a_module_is_built_on_disk(aside):
    """As its own code builds it, ties included; what is registered afterwards is not, and copies are on disk too."""
    torch.manual_seed(0)
    wanted = Tied()
    torch.manual_seed(0)
    with parameters_on_disk(aside):
        module = Tied()
        module.again = nn.Linear(5, 7, bias=False)
        module.again.weight = module.embed.weight
    assert module.again.weight is module.embed.weight
    for name, parameter in wanted.named_parameters():
        assert torch.equal(module.get_parameter(name), parameter)
    before = aside.bytes_now
    assert before >= sum(one.numel() * 4 for one in module.parameters())
    copy_of = copied(module)
    assert aside.bytes_now == before + sum(one.numel() * 4 for one in module.parameters())
    assert copy_of.again.weight is copy_of.embed.weight
    assert copy_of.embed.weight is not module.embed.weight
    nn.Linear(3, 3)
    gc.collect()
    assert aside.bytes_now == before + sum(one.numel() * 4 for one in module.parameters())
