"""A port of any kind with other values of a leaf: in both precisions, and nothing else is another."""

import jax
import numpy as np
import pytest
from flax import linen, nnx
from jax import numpy as jnp

from compare.frameworks.models.choose import port_model
from compare.frameworks.models.with_values import WithValues

X = np.ones((2, 3), np.float32)


def function(params, x):
    return x @ params["kernel"] + params["bias"]


@pytest.mark.parametrize(
    "port",
    [
        linen.Dense(2),
        nnx.Linear(3, 2, rngs=nnx.Rngs(0)),
        (function, {"kernel": jnp.ones((3, 2)), "bias": jnp.zeros(2)}),
    ],
    ids=["linen", "nnx", "function"],
)
def test_the_value_is_that_of_every_run(port):
    model = port_model(port, (X,), {}, {})
    model.fix(["params/bias"])
    other = WithValues(model, {"params/bias": np.full(2, 5.0, np.float32)})
    leaves = {"params/kernel": jnp.ones((3, 2))}
    own, _ = model.apply(leaves, (X,), {}, None)
    moved, _ = other.apply(leaves, (X,), {}, None)
    np.testing.assert_allclose(moved, np.asarray(own) + 5)
    with jax.enable_x64(True):
        wide, _ = other.widened().apply(
            {"params/kernel": jnp.ones((3, 2), jnp.float64)}, (X.astype(np.float64),), {}, None
        )
    np.testing.assert_allclose(wide, moved)
    assert other.leaves == model.leaves
