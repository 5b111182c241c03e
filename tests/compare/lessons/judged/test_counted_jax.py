"""What of JAX is counted outside a lesson."""

import jax.numpy as jnp

from compare.lessons.judged.counted_jax import Compiled, bytes_kept


def test_bytes_are_those_of_the_residuals() -> None:
    """exp keeps its result, tanh one array (two before JAX 0.11), a sum none; what the caller holds counts nothing."""
    x = jnp.ones((10, 3), jnp.float32)
    assert bytes_kept(lambda x: jnp.exp(x).sum(), x, []) == 120
    assert bytes_kept(lambda x: jnp.tanh(x).sum(), x, []) in (120, 240)
    assert bytes_kept(lambda x: x.sum(), x, []) == 0
    assert bytes_kept(lambda w: (w * x).sum(), jnp.full((10, 3), 2, jnp.float32), [x]) == 0


def test_programs_are_counted_by_function() -> None:
    """One for each shape, and none for a call that has its program."""
    compile = Compiled()

    def halved(x):
        return x / 2

    half = compile(halved)
    for rows in (2, 3, 3):
        half(jnp.ones(rows))
    assert compile.programs == {"halved": 2}
