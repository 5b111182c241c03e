"""What a torch step is made of."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from compare.measure.bench.runner import Unavailable
from compare.measure.bench.runners.torch_problem import TorchProblem, with_options
from compare.pair.prepare import prepare
from compare.verdict.precision import FLOAT32, FLOAT64
from tests.compare.measure.bench.small import ready, regularized


def test_the_batches_lie_on_the_device_as_the_module_takes_them(cpu):
    """With the loss's targets; nothing is converted while the clock runs."""
    prepared, entering = ready("loose")
    problem = TorchProblem(prepared, entering, FLOAT64, cpu)
    assert len(problem.batches) == len(entering.batches)
    given = problem.batches[3]
    np.testing.assert_array_equal(given.args[0].numpy(), entering.batches[3].inputs["x"])
    np.testing.assert_array_equal(given.targets[0].numpy(), entering.batches[3].targets["y"])
    assert problem.loss(given).dtype is torch.float64


def test_without_a_loss_it_is_the_outputs_times_their_cotangents(cpu):
    """The same numbers at every step, and none drawn in one."""
    pair = replace(regularized(), loss=None, batch=lambda rng: rng.standard_normal((6, 1, 6, 6)), modes=("eval",))
    prepared = prepare(pair)
    problem = TorchProblem(prepared, prepared.enter(0, 2).at(FLOAT32), FLOAT32, cpu)
    given = problem.batches[0]
    outputs = problem.module(*given.args)
    assert torch.allclose(problem.loss(given), (outputs * given.targets[0]).sum())
    assert given.targets[0].shape == (6, 4)
    assert torch.equal(given.targets[0], problem.batches[1].targets[0])


def test_a_frozen_parameter_is_among_nobody_s_parameters(cpu):
    """It neither trains nor is compared."""
    pair = regularized()
    pair.reference[1].bias.requires_grad_(False)
    prepared = prepare(pair)
    problem = TorchProblem(prepared, prepared.enter(0, 2).at(FLOAT32), FLOAT32, cpu)
    assert "1.bias" not in problem.parameters()
    assert "1.weight" in problem.gradients()


def test_an_option_that_the_optimizer_has_not_is_refused():
    """By name."""
    optimizer = torch.optim.LBFGS(nn.Linear(2, 2).parameters())
    with pytest.raises(Unavailable, match="LBFGS has no foreach="):
        with_options(optimizer, foreach=True)


def test_a_sparse_gradient_is_one(cpu):
    """That of an embedding by the rows it took; zero elsewhere."""
    prepared, entering = ready("loose")
    problem = TorchProblem(prepared, entering, FLOAT32, cpu)
    (first, *_) = problem.module.parameters()
    first.grad = torch.sparse_coo_tensor([[1]], torch.ones(1, *first.shape[1:]), first.shape, check_invariants=True)
    by_row = [np.abs(row).sum() for row in next(iter(problem.gradients().values()))]
    assert by_row[1] > 0
    assert sum(by_row) == by_row[1]
