"""Constants that are data."""

from compare.measure.bench.gates.given import given
from tests.compare.measure.bench.gates.made_up import observed


def test_no_constant_of_the_draw_passes():
    """A table of positions is the same on every draw, and not among them."""
    assert given(observed(), observed()) == ""


def test_they_are_told_with_their_shapes():
    """How many, and the first few."""
    sentence = given(observed(constants=((16, 20), (300,))), observed())
    assert "got 2 array(s)" in sentence
    assert "(16, 20), (300,)" in sentence
