"""Numbers of things in words."""

import pytest

from compare.verdict.counted import counted


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((0, "probe"), "0 probes"),
        ((1, "probe"), "1 probe"),
        ((9, "probe"), "9 probes"),
        ((1, "quantity", "quantities"), "1 quantity"),
        ((2, "quantity", "quantities"), "2 quantities"),
        ((57243, "entry", "entries"), "57,243 entries"),
        ((1, "gate differs", "gates differ"), "1 gate differs"),
    ],
)
def test_one_of_a_thing_is_no_several(given, text):
    """Thousands have their comma."""
    assert counted(*given) == text
