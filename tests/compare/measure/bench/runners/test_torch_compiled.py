"""The step as people write it, compiled: it is taken apart, and that is said."""

import pytest

from compare.measure.bench.runners.torch_compiled import CompiledRunner
from compare.verdict.precision import FLOAT32
from tests.compare.measure.bench.small import ready

# torch imports its own code for torch.jit when it first compiles, which warns that it is deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")


def test_its_graphs_and_breaks_are_counted(cpu):
    """Backward pass and optimizer do not fit in one graph; nothing more is compiled once it is warm."""
    runner = CompiledRunner(*ready("loose"), FLOAT32, cpu, backend="aot_eager")
    runner.call(3)
    looked = runner.looked_at()
    assert len(looked.graphs) >= 2
    assert len(looked.breaks) >= 1
    assert all(reason and "\n" not in reason for reason in looked.breaks)
    runner.restart()
    runner.call(8)
    assert len(runner.looked_at().graphs) == len(looked.graphs)
