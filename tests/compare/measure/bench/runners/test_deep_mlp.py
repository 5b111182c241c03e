"""The perceptron of any depth is the same function in both frameworks."""

from compare.frameworks.devices import Device
from compare.measure.bench.sizes import perceptron
from compare.pair.prepare import prepare
from compare.sides.port import PortSide
from compare.sides.reference import ReferenceSide
from compare.verdict.precision import FLOAT64
from tests.compare.measure.bench.small import apart


def test_outputs_and_gradients_agree(cpu: Device):
    """With four layers of width 8, and with what was derived by hand."""
    pair = perceptron(width=8, depth=4, rows=3)
    prepared = prepare(pair)
    entering = prepared.enter(0, 1)
    reference = ReferenceSide(prepared, FLOAT64, cpu.torch).run(entering)
    port = PortSide(prepared, FLOAT64, cpu.jax).run(entering)
    assert set(reference.arrays) == set(port.arrays)
    assert len(entering.weights) == 8
    assert apart(dict(reference.arrays), dict(port.arrays)) < 1e-13
    assert apart(pair.derived(entering.weights, entering.batches[0]), dict(reference.arrays)) < 1e-13
