"""The table of ways: a row is a function of its name on each side."""

import pytest

from compare.errors import UsageError
from compare.measure.contrast.ways import jax_alone, jax_on_pair, torch_alone, torch_on_pair
from compare.measure.contrast.ways.ways_table import WAYS, check_way


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_row_is_a_function_on_each_side(way):
    """And what is written for a row of no name would never run."""
    for module in (torch_on_pair, jax_on_pair) if way.on_pair else (torch_alone, jax_alone):
        assert callable(getattr(module, way.name))


def test_there_are_enough():
    """More than a dozen on the user's own pair; each name once."""
    assert len({way.name for way in WAYS}) == len(WAYS) >= 22
    assert sum(way.on_pair for way in WAYS) >= 12


def test_a_name_that_is_none_is_refused():
    """With the one that was meant."""
    check_way("jacobian")
    with pytest.raises(UsageError, match="did you mean jacobian"):
        check_way("jacobean")
