"""The pair's loss in JAX as a function of its parameters."""

import jax
import pytest

from compare.errors import UsageError
from compare.measure.contrast.ways.given_jax import JaxGiven
from compare.pair.pairs import find
from compare.pair.prepare import prepare
from compare.sides.port_forward import PortForward
from compare.verdict.precision import FLOAT32


def test_the_loss_is_a_function_of_the_parameters(cpu):
    """Others give another loss; an input can be another; without one of floats there is none."""
    prepared = prepare(find("loose"))
    side = PortForward(prepared, FLOAT32, cpu.jax)
    with side.x64():
        given = JaxGiven(side, prepared.enter(0, 1).at(FLOAT32))
        halved = jax.tree.map(lambda one: one / 2, given.params)
        assert given.loss(given.params, given.inputs, given.targets) != given.loss(halved, given.inputs, given.targets)
        assert given.outputs(given.params, given.with_input(given.first_row)).shape == (1, 4)
        given.inputs = {"x": jax.numpy.arange(3)}
        with pytest.raises(UsageError, match="no input is of floats"):
            _ = given.floating
