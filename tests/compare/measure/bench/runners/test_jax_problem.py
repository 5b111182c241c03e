"""What a step of the port is made of."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen
from torch import nn

from compare.measure.bench.runners.jax_problem import JaxProblem, TransposedProblem
from compare.measure.bench.runners.jax_rows import JitRunner
from compare.measure.bench.runners.torch_eager import TorchRunner
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.verdict.precision import FLOAT32, FLOAT64
from tests.compare.measure.bench.small import LEARNING, apart, ready, regularized

USERS_MODELS = True  # Flax's BatchNorm does not run under strict promotion


@pytest.fixture
def regular(cpu):
    """Dropout and batch norm, drawing as in training."""
    return JaxProblem(*ready("regularized"), FLOAT32, cpu)


def test_each_step_drops_out_otherwise(regular):
    """By the number of the step; the same number drops the same."""
    carried, given = regular.start(), regular.batches[0]
    loss = jax.jit(lambda number: regular.loss(carried.params, carried.rest, given, number)[0])
    losses = [float(loss(jnp.int32(number))) for number in (0, 1, 2, 0)]
    assert len(set(losses)) == 3
    assert losses[0] == losses[3]


def test_the_number_of_the_step_moves_on(regular, cpu):
    """And so do the running statistics; of a pair that draws nothing there is none."""
    carried, _ = jax.jit(regular.step)(regular.start(), regular.batches[0])
    assert int(carried.number) == 1
    start = regular.start().rest
    assert start
    assert all(np.abs(np.asarray(carried.rest[path] - start[path])).max() > 0 for path in start)
    assert JaxProblem(*ready("loose"), FLOAT32, cpu).start().number is None


def test_masks_that_are_given_are_the_only_ones(cpu):
    """They are part of the batch, and nothing is drawn."""
    problem = JaxProblem(*ready("regularized"), FLOAT32, cpu, masked=True)
    assert problem.start().number is None
    assert [mask.shape for mask in problem.batches[0].masks] == [(6, 12)]
    assert "random_bits" not in str(jax.make_jaxpr(problem.step)(problem.start(), problem.batches[0]))


def test_what_the_pair_makes_of_inputs_is_made_before(cpu):
    """The adapter is not in the step."""
    turned = replace(regularized(), port_inputs=lambda images: jnp.flip(jnp.flip(images, 0), 0), modes=("eval",))
    prepared = prepare(turned)
    problem = JaxProblem(prepared, prepared.enter(0, 2).at(FLOAT32), FLOAT32, cpu)
    assert " rev[" not in str(jax.make_jaxpr(problem.step)(problem.start(), problem.batches[0]))


def test_without_a_loss_the_cotangents_are_arguments(cpu):
    """No constants of the program: a compiler may not compute with them in advance."""
    pair = replace(regularized(), loss=None, batch=lambda rng: rng.standard_normal((6, 1, 6, 6)), modes=("eval",))
    prepared = prepare(pair)
    problem = JaxProblem(prepared, prepared.enter(0, 2).at(FLOAT32), FLOAT32, cpu)
    closed = jax.make_jaxpr(problem.step)(problem.start(), problem.batches[0])
    assert [target.shape for target in problem.batches[0].targets] == [(6, 4)]
    assert all(np.size(constant) < 24 for constant in closed.consts)


def test_a_frozen_parameter_stays(cpu):
    """As the reference's does."""
    pair = regularized()
    pair.reference[1].bias.requires_grad_(False)
    prepared = prepare(pair)
    for kind in (JaxProblem, TransposedProblem):
        problem = kind(prepared, prepared.enter(0, 2).at(FLOAT32), FLOAT32, cpu)
        start = problem.start()
        after, _ = jax.jit(problem.step)(start, problem.batches[0])
        own, other = (problem.prepared.port.flat(one.params) for one in (start, after))
        moved = {path for path in own if np.abs(np.asarray(own[path]) - np.asarray(other[path])).max() > 0}
        assert moved == set(own) - {"params/Dense_0/bias"}


def test_of_two_biases_that_are_one_here_the_first_trains(cpu):
    """An LSTM's: gradients and steps are those of the reference, where one of the two stays at zero."""

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(3, 4, batch_first=True)

        def forward(self, x):
            return self.lstm(x)[0]

    class Port(linen.Module):
        @linen.compact
        def __call__(self, x):
            return linen.RNN(linen.OptimizedLSTMCell(4))(x)

    torch.manual_seed(0)
    pair = Pair(Recurrent(), Port(), lambda rng: rng.standard_normal((2, 3, 3), dtype=np.float32), optimizers=LEARNING)
    prepared = prepare(pair)
    entering = prepared.enter(0, 2).at(FLOAT32)
    eager, own = TorchRunner(prepared, entering, FLOAT64, cpu), JitRunner(prepared, entering, FLOAT64, cpu)
    assert apart(eager.gradients(), own.gradients()) < 1e-13
    biases = [own.gradients()[name] for name in ("lstm.bias_ih_l0", "lstm.bias_hh_l0")]
    assert [bool(bias.any()) for bias in biases].count(True) == 1
    for runner in (eager, own):
        runner.call(2)
    assert apart(eager.parameters(), own.parameters()) < 1e-13


def test_transposed_matrices_are_the_same_parameters(cpu):
    """Kept (out, in), said as the reference's."""
    plain, turned = (kind(*ready("loose"), FLOAT32, cpu) for kind in (JaxProblem, TransposedProblem))
    assert turned.start().params["W1"].shape == (20, 32)  # this pair's port keeps (out, in) itself
    assert apart(plain.parameters(plain.start().params), turned.parameters(turned.start().params)) == 0
