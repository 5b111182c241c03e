"""The port's optimizer on recorded gradients: in the reference's order, whatever the layout of its leaves."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

from compare.pair.pair import Optimizers
from compare.pair.prepare import prepare
from compare.sides.port import PortSide
from compare.sides.port_rule import run_port_rule
from compare.sides.rule_inputs import rule_inputs
from compare.verdict.precision import FLOAT32, FLOAT64
from tests.compare.small import dense_pair

USERS_MODELS = True


def stepped(cpu, port, hyper=None, steps: int = 20, precision=FLOAT64, promoted: bool = False):
    prepared = prepare(dense_pair(optimizers=Optimizers(lambda p: None, port, hyper or {})))
    inputs = rule_inputs(prepared, FLOAT32, 0, steps)
    side = PortSide(prepared, precision, cpu.jax, promoted=promoted)
    return run_port_rule(side, inputs, hyper or {}), inputs


def test_each_step_takes_its_gradient(cpu):
    """Plain descent, with a hyper-parameter: the parameters are the sum of what was given."""
    after, inputs = stepped(cpu, lambda lr: optax.sgd(lr), {"lr": 0.5})
    wanted = inputs.values - 0.5 * np.concatenate([np.zeros((1, 43)), np.cumsum(inputs.gradients, axis=0)])
    np.testing.assert_allclose(after, wanted, rtol=1e-12, atol=1e-12)


def test_groups_are_those_of_the_ports_tree(cpu):
    """Labels by the number of axes: biases stand still."""
    groups = {"w": optax.sgd(0.1, 0.9), "b": optax.set_to_zero()}

    def labels(params):
        import jax

        return jax.tree.map(lambda leaf: "w" if leaf.ndim > 1 else "b", params)

    after, inputs = stepped(cpu, lambda: optax.partition(groups, labels))
    moved = np.ptp(after, axis=0) > 0
    for name, place in inputs.places.items():
        assert moved[place].all() == name.endswith("weight")


def test_at_the_working_precision_it_is_float32(cpu):
    """And in float64 it is not; promoted, what a schedule computes in float32 is exact too."""
    low, _ = stepped(cpu, lambda: optax.sgd(0.1), precision=FLOAT32)
    np.testing.assert_array_equal(low, low.astype(np.float32))
    rounding = optax.sgd(lambda count: jnp.float32(0.1) * jnp.ones((), jnp.float32) / 3)
    plain, inputs = stepped(cpu, lambda: rounding)
    exact, _ = stepped(cpu, lambda: rounding, promoted=True)
    wanted = inputs.values - 0.1 / 3 * inputs.gradients.sum(axis=0)
    size = np.linalg.norm(wanted)
    assert np.linalg.norm(plain[-1] - wanted) / size > 1e-10
    assert np.linalg.norm(exact[-1] - wanted) / size < 1e-7


def test_what_an_optimizer_raises_is_raised(cpu):
    """One that wants more than gradients cannot be run apart from its model."""
    with pytest.raises(TypeError, match="value"):
        stepped(cpu, lambda: optax.lbfgs())
