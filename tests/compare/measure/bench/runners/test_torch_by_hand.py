"""PyTorch by hand."""

import torch

from compare.measure.bench.runners.numpy_by_hand import NumpyRunner
from compare.measure.bench.runners.torch_by_hand import TorchByHandRunner
from compare.verdict.precision import BFLOAT16, FLOAT64
from tests.compare.measure.bench.small import apart, ready


def test_both_derivations_are_one(cpu):
    """In torch and in NumPy: gradients and steps."""
    runners = [kind(*ready("loose"), FLOAT64, cpu) for kind in (TorchByHandRunner, NumpyRunner)]
    for runner in runners:
        runner.call(5)
    assert apart(*(runner.gradients() for runner in runners)) < 1e-14
    assert apart(*(runner.parameters() for runner in runners)) < 1e-14


def test_no_tape_is_written(cpu):
    """And the parameters lie in one vector, whose parts the products read and write."""
    runner = TorchByHandRunner(*ready("loose"), FLOAT64, cpu)
    runner.call(1)
    assert not runner.loss.requires_grad
    start = runner.step.weights.untyped_storage().data_ptr()
    assert all(part.untyped_storage().data_ptr() == start for layer in runner.step.layers for part in layer)
    assert torch.isfinite(runner.step.weights).all()


def test_in_bfloat16_too(cpu):
    """Gradients and steps near those of float64, which NumPy cannot hold as they are."""
    low, plain = (TorchByHandRunner(*ready("loose"), precision, cpu) for precision in (BFLOAT16, FLOAT64))
    for runner in (low, plain):
        runner.call(2)
    assert 0 < apart(low.gradients(), plain.gradients()) < 0.1
    assert 0 < apart(low.parameters(), plain.parameters()) < 0.1
