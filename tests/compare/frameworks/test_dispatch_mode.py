"""A mode of ours brings torch's compiler in for nobody, and is passed over by it where somebody did."""

import sys

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from compare.frameworks.dispatch_mode import COMPILER, DispatchMode


def doubling(base: type) -> type:
    """A mode that makes twice of every sum, in calls that a compiler could look into."""

    class Doubling(base):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            made = func(*args, **(kwargs or {}))
            return made + made if func is torch.ops.aten.add.Tensor else made

    return Doubling


class Refused:
    """In ``sys.meta_path``: nobody imports the compiler."""

    def find_spec(self, name, path=None, target=None):
        assert name != COMPILER


@pytest.fixture
def nobody_compiles(monkeypatch):
    """A process into which torch's compiler has not been imported, and is not."""
    for name in [name for name in sys.modules if name.split(".")[:2] == COMPILER.split(".")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Refused(), *sys.meta_path])


def test_a_mode_runs_without_the_compiler(nobody_compiles):
    """torch's own imports it with the first operation."""
    x = torch.ones(3)
    with doubling(DispatchMode)():
        assert (x + x).tolist() == [4.0] * 3
    with pytest.raises(AssertionError), doubling(TorchDispatchMode)():
        x + x


def graphs_under(base: type) -> tuple[list[float], int]:
    """What a compiled sum comes to within the mode, and how many graphs the compiler made."""
    torch._dynamo.reset()
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph.forward

    x = torch.ones(3)
    with doubling(base)():
        made = torch.compile(lambda x: x + x, backend=backend)(x)
    return made.tolist(), len(graphs)


def test_the_compiler_passes_it_over():
    """As it does torch's own modes."""
    assert graphs_under(DispatchMode) == graphs_under(TorchDispatchMode)
