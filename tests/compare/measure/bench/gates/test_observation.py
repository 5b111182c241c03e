"""What is gathered of a row, and that it is left where it was."""

import numpy as np

from compare.measure.bench.gates.observation import DRAWS, observe
from tests.compare.measure.bench.gates.doubles import BATCHES, ScanRow, TorchRow, loose


def test_a_row_is_gathered_and_left_at_its_start():
    """Points that follow on one another, one gradient each; whole passes."""
    built = loose().built(TorchRow)
    seen = observe(built, 17)
    assert (seen.side, seen.steps, seen.steps_per_call, len(seen.points)) == ("torch", 3 * BATCHES, 1, DRAWS)
    assert [point.steps for point in seen.points] == list(range(DRAWS))
    for one, other in zip(seen.points, seen.points[1:], strict=False):
        np.testing.assert_array_equal(one.after["W1"], other.parameters["W1"])
    assert all(set(point.gradients) == set(seen.start) for point in seen.points)
    assert seen.fresh
    assert (seen.compiled, seen.moved, dict(seen.host_calls)) == (0, "", {})
    assert len(seen.modes) == 4
    for name, array in built.judged.parameters().items():
        np.testing.assert_array_equal(array, seen.start[name])


def test_a_row_of_many_steps_a_call_makes_as_many():
    """With as many looks as fit."""
    seen = observe(loose().built(ScanRow), 17)
    assert (seen.steps, seen.steps_per_call, [point.steps for point in seen.points]) == (24, 8, [0, 8, 16])
    assert seen.waiting.left == seen.waiting.waited > 0


def test_masks_are_looked_at_again_where_they_are_known():
    """After each pass, as the first batch comes round."""
    from dataclasses import replace

    seen = observe(replace(loose().built(TorchRow), masked=True), 24)
    assert [point.steps for point in seen.points if point.gradients] == [0, 1, 2, 3, 4, 8, 16]
