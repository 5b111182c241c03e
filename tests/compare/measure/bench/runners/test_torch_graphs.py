"""CUDA graphs: on a card the same step, elsewhere a reason."""

import pytest
import torch

from compare.measure.bench.runner import Unavailable
from compare.measure.bench.runners.torch_eager import TorchRunner
from compare.measure.bench.runners.torch_graphs import GraphRunner
from compare.verdict.precision import FLOAT64
from tests.compare.measure.bench.small import apart, ready


def test_without_a_card_it_says_so(cpu):
    """And nothing is built first."""
    with pytest.raises(Unavailable, match="CUDA graphs need a CUDA device"):
        GraphRunner(*ready("loose"), FLOAT64, cpu)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("steps", [1, 4])
def test_a_graph_makes_the_steps_of_eager_torch(steps):
    """On a card: gradients, parameters, and the way back to the mark."""
    from compare.frameworks import devices

    gpu = devices.choose("gpu")
    eager, own = TorchRunner(*ready("loose"), FLOAT64, gpu), GraphRunner(*ready("loose"), FLOAT64, gpu, steps=steps)
    before = own.parameters()
    for _ in range(2):
        eager.call(8)
        own.call(8 // steps)
        own.wait()
        assert apart(eager.parameters(), own.parameters()) < 1e-12
        eager.restart()
        own.restart()
        assert apart(before, own.parameters()) == 0
