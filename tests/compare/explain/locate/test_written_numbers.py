"""The numbers of a port's program: literals, constants, those of inner programs; not those of other results."""

import jax
import jax.numpy as jnp
import numpy as np

from compare.explain.locate.written_numbers import written_numbers

TABLE = np.arange(3.0)


def port(x):
    y = jax.nn.leaky_relu(x * 2.5, 0.3) + TABLE
    last, _ = jax.lax.scan(lambda carry, one: (carry * 0.125 + one, None), y.sum(), y)
    return last, x / 7.5


def test_the_numbers_of_what_leads_to_a_result():
    """Of a call, of a scan's body; an array is none, and the other result has its own."""
    with jax.enable_x64(True):
        program = jax.make_jaxpr(port)(jnp.ones(3))
    numbers = written_numbers(program, [0])
    assert {2.5, 0.3, 0.125} <= numbers
    assert not {7.5, 1.0} & numbers
    assert 7.5 in written_numbers(program, [1])
