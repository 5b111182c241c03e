"""The whole step in one graph."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from compare.measure.bench.runners.torch_eager import TorchRunner
from compare.measure.bench.runners.torch_functional import FunctionalRunner, rule_of
from compare.pair.pair import Optimizers
from compare.pair.prepare import prepare
from compare.verdict.precision import FLOAT64
from tests.compare.measure.bench.small import apart, loose, ready

OPTIMIZERS = {
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
    "dampening": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.5),
    "groups": lambda p: torch.optim.SGD([{"params": p[:2]}, {"params": p[2:], "lr": 0.01}], lr=0.1),
}

# torch imports its own code for torch.jit when it first compiles, which warns that it is deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_any_optimizer_s_rule_is_in_the_graph(name, cpu):
    """Its own code, traced: the same steps as eager torch's, also where its first one is another program."""
    prepared = prepare(replace(loose(), optimizers=Optimizers(OPTIMIZERS[name], lambda: None)))
    entering = prepared.enter(0, 4).at(FLOAT64)
    eager = TorchRunner(prepared, entering, FLOAT64, cpu)
    own = FunctionalRunner(prepared, entering, FLOAT64, cpu, backend="aot_eager")
    for runner in (eager, own):
        runner.call(6)
    assert apart(eager.parameters(), own.parameters()) < 1e-13
    compiled = list(own.recording.graphs)
    assert list(own.looked_at().graphs) == compiled[-1:]
    own.restart()
    own.call(6)
    assert apart(eager.parameters(), own.parameters()) < 1e-13
    assert own.recording.graphs == compiled


def test_running_statistics_move_and_are_no_constants_of_the_graph(cpu):
    """Batch norm's are written back in place, as in eager torch."""
    runners = [
        TorchRunner(*ready("regularized"), FLOAT64, cpu, True),
        FunctionalRunner(*ready("regularized"), FLOAT64, cpu, True, backend="aot_eager"),
    ]
    for runner in runners:
        runner.call(4)
    one, other = (dict(runner.problem.module.named_buffers()) for runner in runners)
    for name in ("2.running_mean", "2.running_var", "2.num_batches_tracked"):
        np.testing.assert_allclose(one[name].numpy(), other[name].numpy(), rtol=1e-12)
    assert int(other["2.num_batches_tracked"]) == 4
    assert runners[1].functional.moving.keys() == {
        "2.running_mean", "2.running_var", "2.num_batches_tracked",
    }  # fmt: skip


def test_several_steps_are_one_graph(cpu):
    """On batches of their own."""
    runner = FunctionalRunner(*ready("loose"), FLOAT64, cpu, steps=4, backend="aot_eager")
    runner.call(4)
    assert runner.steps_per_call == 4
    assert runner.done == 16
    assert len(runner.recording.graphs) == 1


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
@pytest.mark.filterwarnings("ignore:.torch.jit.script_method:DeprecationWarning")  # the compiler's own import
def test_inductor_makes_the_same_steps(cpu):
    """The compiler itself, once; of its five products and what is between them it makes kernels, which are counted."""
    eager = TorchRunner(*ready("loose"), FLOAT64, cpu)
    own = FunctionalRunner(*ready("loose"), FLOAT64, cpu, backend="inductor")
    for runner in (eager, own):
        runner.call(3)
    assert apart(eager.parameters(), own.parameters()) < 1e-13
    assert own.looked_at().kernels > 5
    assert eager.looked_at().kernels is None


def test_the_rule_shares_the_optimizer_s_state():
    """And is none that the compiler knows."""
    parameter = torch.nn.Parameter(torch.ones(2))
    optimizer = torch.optim.Adam([parameter], lr=0.1)
    rule, update = rule_of(optimizer)
    assert not isinstance(rule, torch.optim.Optimizer)
    parameter.grad = torch.ones(2)
    with torch.no_grad():
        update(rule)
    assert float(optimizer.state[parameter]["step"]) == 1
    assert not torch.equal(parameter, torch.ones(2))
