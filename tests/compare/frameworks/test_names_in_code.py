"""What expressions are written with."""

import jax
import numpy as np
from flax import nnx

from compare.frameworks.names_in_code import filled, first, last, params


def test_channels_move_to_the_end_and_back():
    """Axis 1."""
    x = np.zeros((2, 3, 4, 5))
    assert last(x).shape == (2, 4, 5, 3)
    assert first(last(x)).shape == x.shape


def test_a_layer_is_filled_by_name():
    """A layer inside by a dictionary; the variable's kind stays."""
    cell = filled(nnx.GRUCell(3, 4, rngs=nnx.Rngs(0)), dense_h={"kernel": jax.numpy.ones((4, 12))})
    assert type(cell.dense_h.kernel) is nnx.Param
    assert (cell.dense_h.kernel[...] == 1).all()
    assert params(kernel=1) == {"params": {"kernel": 1}}
