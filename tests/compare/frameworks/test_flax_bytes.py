"""Flax's own bytes, in our order."""

import numpy as np
from flax import serialization

from compare.frameworks.flax_bytes import to_bytes


def test_flax_reads_them_and_the_order_stays():
    """Flax's other way in would sort the names."""
    tree = {"params": {"b": np.ones(2, np.float32), "a": np.arange(3)}}
    back = serialization.msgpack_restore(to_bytes(tree))
    assert list(back["params"]) == ["b", "a"]
    np.testing.assert_array_equal(back["params"]["a"], np.arange(3))
