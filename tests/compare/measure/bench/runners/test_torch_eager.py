"""Eager torch: how its optimizer goes over the parameters."""

from dataclasses import replace

import pytest
import torch

from compare.measure.bench.runner import Unavailable
from compare.measure.bench.runners.torch_eager import TorchRunner
from compare.pair.pair import Optimizers
from compare.pair.prepare import prepare
from compare.verdict.precision import FLOAT32
from tests.compare.measure.bench.small import loose, ready


def options(runner):
    """What the optimizer was told."""
    group = runner.problem.optimizer.param_groups[0]
    return group["foreach"], group["fused"]


def test_the_optimizer_is_the_pair_s_own_or_told_its_way(cpu):
    """By its own options."""
    prepared, entering = ready("loose")
    assert options(TorchRunner(prepared, entering, FLOAT32, cpu)) in ((None, None), (None, False))
    assert options(TorchRunner(prepared, entering, FLOAT32, cpu, way="foreach")) == (True, False)
    assert options(TorchRunner(prepared, entering, FLOAT32, cpu, way="fused")) == (False, True)


def test_the_way_it_goes_already_is_no_row_of_its_own(cpu):
    """One tensor at a time is what torch does on a CPU; with an optimizer that is told otherwise it is a row."""
    prepared, entering = ready("loose")
    with pytest.raises(Unavailable, match="single-tensor is the optimizer as it comes"):
        TorchRunner(prepared, entering, FLOAT32, cpu, way="single-tensor")
    fused = Optimizers(lambda p: torch.optim.SGD(p, 0.1, fused=True), lambda: None)
    prepared = prepare(replace(loose(), optimizers=fused))
    entering = prepared.enter(0, 2).at(FLOAT32)
    assert options(TorchRunner(prepared, entering, FLOAT32, cpu, way="single-tensor")) == (False, False)
    with pytest.raises(Unavailable, match="fused is the optimizer as it comes"):
        TorchRunner(prepared, entering, FLOAT32, cpu, way="fused")


def test_an_optimizer_without_the_option_says_so(cpu):
    """LBFGS knows neither."""
    pair = replace(loose(), optimizers=Optimizers(lambda p: torch.optim.LBFGS(p, max_iter=1), lambda: None))
    prepared = prepare(pair)
    with pytest.raises(Unavailable, match="LBFGS has no fused="):
        TorchRunner(prepared, prepared.enter(0, 2).at(FLOAT32), FLOAT32, cpu, way="fused")
