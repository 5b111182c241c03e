"""What a step is made of: planted products, a step that compiles again and again, and what rows count."""

from dataclasses import replace

import pytest

from compare.measure.bench.row_insides import StepCounts
from compare.measure.bench.runners.jax_rows import JitRunner, OpByOpRunner, ScanRunner
from compare.measure.bench.runners.numpy_by_hand import NumpyRunner
from compare.measure.bench.runners.torch_eager import TorchRunner
from compare.measure.bench.step_counts import counted, observed_counts
from compare.verdict.precision import FLOAT32
from tests.compare.measure.bench.gates.made_up import observed, product
from tests.compare.measure.bench.small import STEPS, ready


def test_of_planted_products():
    """Twice their multiply-adds, by the step; where one cannot be counted, nothing is."""
    two_steps = observed(steps_per_call=2, operations=(product(300), product(50, times=2)), graphs=3, breaks=("a", "b"))
    assert observed_counts(two_steps) == StepCounts(operations=1.5, flops=400.0, graphs=3, breaks=2)
    hidden = replace(two_steps, operations=(product(300), product(0, uncountable=True)))
    assert observed_counts(hidden).flops is None
    assert observed_counts(observed()) == StepCounts()
    assert observed_counts(observed(compiled=7, warm_calls=16)).recompiles == 7  # the gates' own tests plant the step


@pytest.fixture(scope="module")
def told(cpu):
    """Of one step each: a compiled one, eight in a call, op by op, torch's and NumPy's."""
    kinds = {"jit": JitRunner, "scan": ScanRunner, "op": OpByOpRunner, "torch": TorchRunner, "numpy": NumpyRunner}
    runners = {name: kind(*ready("loose"), FLOAT32, cpu) for name, kind in kinds.items()}
    return {name: counted(StepCounts(), runner, runner.looked_at(), cpu) for name, runner in runners.items()}


def test_what_both_frameworks_count(told):
    """The five products of 16 rows of 20 inputs, 32 hidden, 4 classes; XLA counts all else that is small here too."""
    products = 2 * 16 * (2 * 20 * 32 + 3 * 32 * 4)
    assert told["torch"].flops_counted == products
    for name in ("jit", "scan"):
        assert products <= told[name].flops_counted < 3 * products
    assert 5 < told["jit"].kernels < 200  # programs of tests are hardly fused
    assert (told["op"].kernels, told["torch"].kernels, told["numpy"].flops_counted) == (None, None, None)


def test_memory_holds_what_a_call_is_given_and_what_it_makes(told):
    """Parameters and momenta, a batch (eight of them where a call takes eight), and more than that in any case."""
    parameters = 4 * (20 * 32 + 32 + 32 * 4 + 4)
    batch = 4 * 16 * 20 + 4 * 16
    for name in ("jit", "torch", "numpy"):
        assert 2 * parameters + batch < told[name].memory < 12 * parameters + 4 * batch
    assert told["scan"].memory > 2 * parameters + STEPS * batch


def test_a_row_is_left_where_it_stood(cpu):
    """Nothing that is counted moves it on."""
    runner = TorchRunner(*ready("loose"), FLOAT32, cpu)
    before = runner.parameters()
    counted(StepCounts(), runner, runner.looked_at(), cpu)
    assert all((runner.parameters()[name] == before[name]).all() for name in before)
