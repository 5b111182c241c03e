"""A leaf by its path, an array by its shape."""

import jax
import numpy as np

from compare.frameworks.models.ports import path_of, struct

X = np.ones((2, 3), np.float32)


def test_a_path_is_words():
    """JAX's keys of dictionaries, sequences and attributes, and plain ones."""
    ((keys, _),) = jax.tree_util.tree_flatten_with_path({"layers": [{"w": 1}]})[0]
    assert path_of(keys) == "layers/0/w"
    assert path_of(("layers", 0, "w")) == "layers/0/w"


def test_a_number_has_a_shape_too():
    """A learned temperature may be a Python float."""
    assert struct(1.5).shape == ()
    assert struct(X).shape == (2, 3)


def test_a_shape_asks_for_no_more_than_jax_gives():
    """NumPy's float64 and int64 are what they are in JAX, which warns otherwise; a random key is what it is."""
    wide = np.ones(2)
    assert struct(wide).dtype == np.float32
    assert struct(np.arange(2)).dtype == np.int32
    with jax.enable_x64(True):
        assert struct(wide).dtype == np.float64
    key = jax.random.key(0)
    assert struct(key).dtype == key.dtype
