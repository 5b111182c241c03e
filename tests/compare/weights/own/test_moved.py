"""Right values in wrong places, changed on the way or not; other values are no such."""

import numpy as np

from compare.weights.own.moved import moved_values

VALUES = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)


def test_values_moved_and_changed():
    found = moved_values(VALUES.astype(float), -2.0 * VALUES.T)
    assert found is not None
    assert found.text((4, 6), {}, {}) == "transposed, scaled by -2"
    assert moved_values(VALUES.astype(float), np.cos(VALUES.astype(float))) is None


def test_the_other_sides_memory_is_looked_at_where_the_right_layout_shows_nothing():
    stored = np.asarray(VALUES.T, order="C")
    found = moved_values(VALUES.reshape(6, 2, 2).astype(float), stored.reshape(6, 2, 2).astype(float), stored)
    assert found is not None
    assert found.of_raw
    assert found.transposes


def test_entries_in_an_order_of_no_form_are_still_the_same():
    found = moved_values(VALUES.astype(float), np.random.default_rng(1).permutation(VALUES.ravel()).reshape(6, 4) * 1.0)
    assert found is not None
    assert (found.how, found.transposes) == (None, False)
