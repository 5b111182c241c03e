"""What recording costs, as it was measured."""

from dataclasses import asdict

from compare.measure.contrast.cost_figures import Costs, Seconds


def test_they_are_plain_figures():
    """That JSON can hold; what a compiler did not take is none, with its message."""
    seconds = Seconds(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    form = asdict(Costs(None, "Unsupported: no such thing", 1, 2, 3, 4, seconds))
    assert (form["aot"], form["seconds"]["run"]) == (None, 1.0)
