"""How many steps a call makes."""

import pytest

from compare.measure.bench.runner import Unavailable
from compare.measure.bench.runners.chunks import steps_in_a_call


@pytest.mark.parametrize(
    ("batches", "most", "steps"), [(8, 8, 8), (32, 8, 8), (12, 8, 6), (4, 8, 4), (7, 1, 1), (9, 8, 3)]
)
def test_the_batches_divide_into_calls(batches, most, steps):
    """Every batch is used as often as every other."""
    assert steps_in_a_call(batches, most) == steps


@pytest.mark.parametrize("batches", [1, 11])
def test_what_does_not_divide_is_refused(batches):
    """One step a call under the name of several would be another row."""
    with pytest.raises(Unavailable, match=f"{batches} batches do not divide into calls of 2 to 8 steps"):
        steps_in_a_call(batches, 8)
