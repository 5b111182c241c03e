"""The gradients of what is one array in the reference are summed in its layout, and given back in each leaf's."""

import numpy as np
from jax import numpy as jnp

from compare.arrays.views import View, transposed
from compare.sides.tied_gradients import summed_of_tied
from compare.weights.entry import Entry
from compare.weights.weights import WeightMap


def test_each_leaf_gets_the_sum_in_its_own_layout():
    """A table, its transpose in a row of a larger leaf, and an array beside them that nobody ties."""
    rng = np.random.default_rng(0)
    part = View((("index", (0, 1)),))
    lines = WeightMap(
        Entry("w", "params/table"),
        Entry("w", "params/both", transposed(1, 0), part, tied=True),
        Entry("b", "params/both", port_view=View((("index", (0, 0)),))),
    )
    grads = {"params/table": rng.normal(size=(2, 3)), "params/both": rng.normal(size=(2, 3, 2))}
    got = summed_of_tied(lines, {"w": (2, 3), "b": (3, 2)}, {path: jnp.asarray(one) for path, one in grads.items()})
    whole = grads["params/table"] + grads["params/both"][1].T
    np.testing.assert_allclose(got["params/table"], whole, rtol=1e-6)
    np.testing.assert_allclose(got["params/both"][1], whole.T, rtol=1e-6)
    np.testing.assert_array_equal(got["params/both"][0], grads["params/both"][0].astype(np.float32))
