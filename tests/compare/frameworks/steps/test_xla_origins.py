"""What a compiled program's kernels are made of."""

import jax
import jax.numpy as jnp
import numpy as np

from compare.frameworks.steps.xla_origins import xla_origins


def test_a_fusion_holds_what_it_computes():
    """Two functions of one array in one kernel, a product in another."""

    def function(x):
        with jax.named_scope("first"):
            y = jnp.sin(x)
        with jax.named_scope("second"):
            z = jnp.cos(y) + 1
        with jax.named_scope("third"):
            return z @ x

    text = jax.jit(function).lower(np.ones((64, 64), np.float32)).compile().as_text()
    kernels = [" ".join(one.names) for one in xla_origins(text) if one.runs]
    assert any("first" in names and "second" in names for names in kernels)
    assert any("third" in names and "first" not in names for names in kernels)
