"""Flax NNX as its guides write a step."""

import pytest
from flax import nnx

import jaxport.mlp_nnx
import torchref.mlp
from compare.measure.bench.runner import Unavailable
from compare.measure.bench.runners.nnx_rows import NNXRunner, in_nnx
from compare.measure.bench.runners.torch_eager import TorchRunner
from compare.pair.pair import Pair
from compare.pair.prepare import prepare
from compare.verdict.precision import FLOAT32, FLOAT64
from tests.compare.measure.bench.small import LEARNING, LOSS, apart, images, ready

USERS_MODELS = True  # NNX does not run under strict promotion


def test_the_perceptron_s_twin_takes_its_place():
    """With the same weights."""
    prepared = in_nnx(ready("mlp")[0])
    assert isinstance(prepared.pair.port, jaxport.mlp_nnx.MLP)
    assert prepared.leaves["params/hidden/kernel"] == (784, 128)


def test_a_port_in_nnx_is_its_own(cpu):
    """The object is changed in place; the user's is not touched."""
    port = jaxport.mlp_nnx.MLP(36, 8, 4, rngs=nnx.Rngs(0))
    before = port.hidden.kernel.get_value().copy()
    prepared = prepare(Pair(torchref.mlp.MLP(36, 8, 4), port, images, loss=LOSS, optimizers=LEARNING))
    entering = prepared.enter(0, 4).at(FLOAT32)
    eager = TorchRunner(prepared, entering, FLOAT64, cpu)
    own = NNXRunner(prepared, entering, FLOAT64, cpu, cached=True)
    for runner in (eager, own):
        runner.call(6)
    assert apart(eager.parameters(), own.parameters()) < 1e-13
    assert (port.hidden.kernel.get_value() == before).all()
    assert own.looked_at().jaxpr.eqns


def test_other_ports_have_no_twin(cpu):
    """A Linen module that is not the project's perceptron, a function."""
    for name in ("loose", "regularized"):
        with pytest.raises(Unavailable, match="the port is no NNX module"):
            NNXRunner(*ready(name), FLOAT32, cpu)
