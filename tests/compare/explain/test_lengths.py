"""Axes of another length: those that a pair takes."""

import numpy as np

from compare.arrays.batch import Batch
from compare.explain.lengths import of_other_lengths


def lengths(made):
    return {name: array.shape for name, array in (made.inputs | made.targets).items()}


def test_axes_of_one_length_go_together():
    """A sequence, its square mask and its targets; the rows and the width stay."""
    batch = Batch({"x": np.ones((2, 5, 3), np.float32), "mask": np.ones((5, 5), bool)}, {"y": np.ones((2, 5), int)},
                  axes={"x": 0, "y": 0, "mask": None})  # fmt: skip
    made = of_other_lengths(batch, lambda one: one.inputs["x"].shape[2] == 3)
    assert lengths(made) == {"x": (2, 4, 3), "mask": (4, 4), "y": (2, 4)}


def test_where_two_axes_have_one_length_by_chance_each_is_tried():
    """As many steps as there are features, which no layer takes otherwise."""
    batch = Batch({"x": np.arange(32, dtype=np.float32).reshape(2, 4, 4)})
    made = of_other_lengths(batch, lambda one: one.inputs["x"].shape[2] == 4)
    assert lengths(made) == {"x": (2, 3, 4)}
    np.testing.assert_array_equal(made.inputs["x"], batch.inputs["x"][:, :3])


def test_the_first_length_that_is_taken():
    """One less, one more with the first entry again, or half of it."""
    batch = Batch({"x": np.arange(16, dtype=np.float32).reshape(2, 8)})
    assert lengths(of_other_lengths(batch, lambda one: one.inputs["x"].shape[1] > 8)) == {"x": (2, 9)}
    assert lengths(of_other_lengths(batch, lambda one: one.inputs["x"].shape[1] == 4)) == {"x": (2, 4)}
    assert lengths(of_other_lengths(batch, lambda one: True, {7, 6})) == {"x": (2, 9)}
    assert lengths(of_other_lengths(batch, lambda one: True, {7, 6, 9, 4})) == {"x": (2, 7)}
    assert of_other_lengths(batch, lambda one: False) is None
    assert of_other_lengths(Batch({"x": np.ones((2, 1), np.float32)}), lambda one: True) is None
