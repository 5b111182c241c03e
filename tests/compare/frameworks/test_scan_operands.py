"""A scan's constants and carries, of this version of JAX and of the form that others have."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp

from compare.frameworks.scan_operands import constants_and_carried


def scans(function, *given):
    """The scans of a program, in order."""
    traced = jax.make_jaxpr(function)(*given)
    return [equation for equation in traced.eqns if equation.primitive.name == "scan"]


def test_a_scan_of_this_version():
    """One constant, two carries, two arrays that are scanned."""

    def run(weight, carry, rows):
        return jax.lax.scan(lambda c, x: ((c[0] * weight + x[0], c[1] + 1), x[1]), carry, rows)

    given = (jnp.ones(3), (jnp.ones(3), jnp.ones(2)), (jnp.ones((4, 3)), jnp.ones(4)))
    assert [constants_and_carried(scan.params) for scan in scans(run, *given)] == [(1, 2)]


def test_the_loops_of_a_gradient():
    """JAX writes them itself, from 0.11 on in a form of their own: every operand has its place."""

    def loss(carry):
        return jax.lax.scan(lambda c, _: (jnp.tanh(c), None), carry, None, length=5)[0].sum()

    found = scans(jax.grad(loss), jnp.ones(3))
    assert [constants_and_carried(scan.params)[1] for scan in found] == [1, 1]


def test_both_forms():
    """Numbers, or groups with an entry for each operand; neither where neither is there."""
    assert constants_and_carried({"num_consts": 3, "num_carry": 2}) == (3, 2)
    assert constants_and_carried({"ft_in": SimpleNamespace(elts=((None,) * 3, (None,) * 2, ()))}) == (3, 2)
    assert constants_and_carried({}) == (0, 0)
