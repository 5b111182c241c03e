"""Equations that carry their numbers into the compiled program."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from compare.frameworks.recording.tagged_program import number_in, tagged
from compare.frameworks.recording.unfolded_program import unfolded
from compare.frameworks.steps.xla_origins import xla_origins

USERS_MODELS = True


@pytest.mark.parametrize(
    "function",
    [
        lambda x: jax.jit(jnp.tanh)(x) @ x.T,
        lambda x: jax.grad(lambda a: jnp.sum(jax.checkpoint(lambda b: jnp.sin(jnp.sin(b)))(a)))(x),
        lambda x: jax.lax.scan(lambda carry, row: (jnp.sin(carry) + row, carry), jnp.zeros(4), x)[0],
        lambda x: jnp.where(jax.random.bernoulli(jax.random.key(0), 0.5, x.shape), x, 0.0),
    ],
    ids=["jit", "checkpoint", "scan", "draw"],
)
def test_it_is_the_same_program(function):
    """With the same results; every number that comes back is an equation's, and the sine's is the sine's."""
    x = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    closed = jax.make_jaxpr(function)(x)
    compiled = jax.jit(tagged(closed)).lower(x).compile()
    assert np.allclose(compiled(x)[0], function(x), rtol=1e-5, atol=1e-6)
    equations = unfolded(closed).equations
    found = {number_in(name) for one in xla_origins(compiled.as_text()) for name in one.names} - {None}
    assert found <= set(range(len(equations)))
    sines = {at for at, one in enumerate(equations) if one.name in ("sin", "tanh")}
    assert sines & found or not sines


def test_the_innermost_number_counts():
    """An operation in a loop is of its own equation, and not of the loop's."""
    assert number_in("jit(f)/jit(main)/equation_3/while/body/equation_14/sin") == 14
    assert number_in("jit(f)/sin") is None
