"""A row of the table as it came out."""

from compare.measure.contrast.capability import Capability, Cell

FAST, SLOW = Cell("works", "", "", 1.0), Cell("works", "", "", 3.0)


def test_the_ratio_is_of_two_that_work():
    """The reference's processor time over the port's; none without values, of other values, or without a time."""
    assert Capability("a", "", False, SLOW, FAST, "match").ratio == 3.0
    assert [Capability("a", "", False, SLOW, FAST, word).ratio for word in ("mismatch", "float32_only")] == [None, None]
    assert Capability("a", "", False, Cell("works", "", "", 0.0), FAST, "match").ratio is None
    assert Capability("a", "", False, SLOW, Cell("raises", "no", "", 0.0), "").ratio is None
    assert Capability("a", "", False, SLOW, Cell("works", "", "", 0.0), "match").ratio is None
