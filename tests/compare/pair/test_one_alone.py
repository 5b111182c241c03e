"""What enters while one array is told from others."""

import numpy as np

from compare.arrays.batch import Batch
from compare.pair.one_alone import one_alone
from compare.pair.pair import Entering


def test_all_others_are_alike_whichever_way_their_axes_lie():
    rng = np.random.default_rng(0)
    shapes = {"a": (3, 3), "b": (3, 3), "c": (3, 3), "d": (2, 3), "e": (3, 2), "rest": (3, 3)}
    weights = {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    entering = Entering(weights, (Batch.of(np.ones((2, 3), np.float32)),), 1.0, {})
    made = one_alone(entering, "b", "abcde").weights
    np.testing.assert_array_equal(made["a"], made["c"])
    np.testing.assert_array_equal(made["a"], made["a"].T)
    np.testing.assert_array_equal(made["d"], made["e"].T)
    np.testing.assert_array_equal(made["rest"], weights["rest"])
    assert not np.allclose(made["b"], made["b"].T)
    assert not np.allclose(made["a"] @ made["b"], made["b"] @ made["a"])
