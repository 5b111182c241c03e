"""What torch's compiler did is on record."""

import pytest
import torch

from compare.measure.bench.runners.torch_recording import Recording, own_code

# torch imports its own code for torch.jit when it first compiles, which warns that it is deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")


class Doubling:
    """A bound step that reads a number of its own."""

    factor = 2.0

    def step(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor

    def broken(self, x: torch.Tensor) -> torch.Tensor:
        x = x * self.factor
        torch._dynamo.graph_break()
        return x + 1


def test_a_whole_step_is_one_graph():
    """And is computed as written."""
    recording = Recording("eager")
    step = recording.compiled(Doubling().step, whole=True)
    with recording.listening():
        assert torch.equal(step(torch.ones(3)), torch.full((3,), 2.0))
    assert len(recording.graphs) == 1
    assert recording.breaks == []


def test_a_broken_step_says_how_often_and_why():
    """Two graphs, and one sentence between them."""
    recording = Recording("eager")
    step = recording.compiled(Doubling().broken, whole=False)
    with recording.listening():
        assert torch.equal(step(torch.ones(3)), torch.full((3,), 3.0))
        step(torch.ones(3))
    assert len(recording.graphs) == 2
    assert len(recording.breaks) == 1
    assert "graph_break" in recording.breaks[0]


def test_each_row_has_code_of_its_own():
    """The compiler counts its programs by the code."""
    one = Doubling()
    fresh = own_code(one.step)
    assert fresh.__func__.__code__ is not one.step.__func__.__code__
    assert fresh.__self__ is one
    plain = own_code(lambda x, *, by=3: x * by)
    assert plain(2) == 6
