"""Where a perceptron's parameters lie in one vector, and which pairs are perceptrons."""

from dataclasses import replace

import numpy as np
import pytest

from compare.measure.bench.runner import Unavailable
from compare.measure.bench.runners.flat_perceptron import layout_of
from tests.compare.measure.bench.small import ready


@pytest.mark.parametrize("inputs_first", [False, True])
def test_vector_and_parameters_are_the_same_numbers(inputs_first):
    """There and back, whichever way a matrix lies there."""
    prepared, entering = ready("loose")
    layout = layout_of(prepared, entering, inputs_first)
    part, shape = layout.slices()[0]
    assert shape == ((20, 32) if inputs_first else (32, 20))
    first = entering.weights[layout.names[0]]
    np.testing.assert_array_equal(
        layout.vector(entering.weights)[part].reshape(shape), first.T if inputs_first else first
    )
    assert layout.widths == [20, 32, 4]
    assert layout.size == 32 * 20 + 32 + 4 * 32 + 4
    vector = layout.vector(entering.weights)
    for name, array in layout.named(vector).items():
        np.testing.assert_array_equal(array, entering.weights[name].astype(np.float64))


def test_other_pairs_are_refused():
    """In a sentence: nobody derived them, or their update is another one."""
    with pytest.raises(Unavailable, match="this pair is none"):
        layout_of(*ready("regularized"))
    prepared, entering = ready("loose")
    with pytest.raises(Unavailable, match="not one with learning_rate, beta"):
        layout_of(prepared, replace(entering, hyper={"learning_rate": 0.1, "beta": 0.9}))
    with pytest.raises(Unavailable, match="this pair is none"):
        layout_of(replace(prepared, pair=replace(prepared.pair, by_hand=None)), entering)
