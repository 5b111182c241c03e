"""A batch's inputs, on arrays of NumPy."""

import numpy as np
import pytest

from compare.errors import UsageError
from compare.measure.contrast.ways.given_inputs import GivenInputs


class Numpy(GivenInputs[np.ndarray]):
    def __init__(self, **inputs):
        self.inputs = inputs

    def is_floating(self, one):
        return one.dtype.kind == "f"


def test_the_first_floating_input_is_asked_for_by_row():
    """Another of two rows in its place cuts the others to two."""
    given = Numpy(ids=np.arange(4), x=np.ones((4, 3)), z=np.zeros(4))
    assert given.floating is given.inputs["x"]
    assert given.first_row.shape == (1, 3)
    other = given.with_input(np.full((2, 3), 5.0))
    assert {name: one.shape for name, one in other.items()} == {"ids": (2,), "x": (2, 3), "z": (2,)}


def test_without_floats_there_is_nothing_to_ask_for():
    """In one line."""
    with pytest.raises(UsageError, match="no input is of floats"):
        _ = Numpy(ids=np.arange(4)).floating
