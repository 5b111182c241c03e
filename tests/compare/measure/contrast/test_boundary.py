"""Between which values a group runs."""

import pytest

from compare.measure.contrast.contrast import contrast
from compare.pair.pairs import find


@pytest.fixture(scope="module")
def made(cpu):
    """The small case."""
    return contrast(find("loose"), cpu)


def test_parameters_and_inputs_have_their_names(made):
    """The first product takes the batch and a weight, and makes what the sum takes."""
    assert len(made.boundaries) == len(made.groups)
    first = next(one for one in made.boundaries if "x[16,20]" in one.takes)
    assert (set(first.takes), first.gives) == ({"x[16,20]", "W1[32,20]"}, "mm[16,32]")


def test_what_was_computed_says_by_what(made):
    """Of the gradient too."""
    takes = {name for one in made.boundaries for name in one.takes}
    assert "relu[16,32]" in takes
    assert any(name.startswith("gradient's ") for name in takes)
