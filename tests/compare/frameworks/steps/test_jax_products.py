"""Multiply-adds of JAX's operations."""

import jax
import jax.numpy as jnp
import pytest

from compare.frameworks.steps.jax_step import jax_step


def counted(function, *arrays):
    """Multiply-adds of the value and gradients by all arrays."""
    whole = jax.value_and_grad(lambda *arrays: jnp.sum(jnp.square(function(*arrays))), tuple(range(len(arrays))))
    return sum(one.multiply_adds * one.times for one in jax_step(jax.make_jaxpr(whole)(*arrays)))


def test_products():
    """Forward, and a gradient by either operand."""
    assert counted(jnp.matmul, jnp.ones((3, 4)), jnp.ones((4, 5))) == 3 * 60
    assert counted(jnp.matmul, jnp.ones((2, 3, 4)), jnp.ones((2, 4, 5))) == 3 * 120


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"),
    [(1, 0, 1, 1), (2, 1, 1, 1), (2, 1, 2, 1), (1, 2, 1, 4), (3, 0, 1, 1)],
)
def test_a_convolution_and_its_gradients_meet_alike(stride, padding, dilation, groups):
    """The gradients have holes and padding of their own, which are no work."""
    x, w = jnp.ones((2, 4, 8, 7)), jnp.ones((8, 4 // groups, 3, 3))

    def convolved(x, w):
        return jax.lax.conv_general_dilated(
            x, w, (stride, stride), [(padding, padding)] * 2, rhs_dilation=(dilation, dilation),
            feature_group_count=groups, precision="highest",
        )  # fmt: skip

    met = int(convolved(x, w).sum())  # ones count themselves
    assert counted(convolved, x, w) == 3 * met


def test_a_transposed_convolution():
    """The holes between its inputs are no work."""
    x, w = jnp.ones((2, 5, 5, 4)), jnp.ones((3, 3, 4, 3))

    def convolved(x, w):
        return jax.lax.conv_transpose(x, w, (2, 2), "SAME", precision="highest")

    assert counted(convolved, x, w) == 3 * int(convolved(x, w).sum())


def test_the_precision_that_a_product_asks_for():
    """Its name, where it is neither left open nor the whole."""

    def asked(precision):
        program = jax.make_jaxpr(lambda x: jnp.dot(x, x, precision=precision))(jnp.ones((4, 4)))
        return [one.precision for one in jax_step(program) if one.multiply_adds]

    assert asked("highest") == ["HIGHEST"]
    assert asked("BF16_BF16_F32") == ["BF16_BF16_F32"]
